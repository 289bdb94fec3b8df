"""The one ascent loop, for training and for evaluation.

Training climbs with `maximize`: every step on every example, last iterate.
Evaluation advances an `AscentState` by chunks of steps and keeps the best
point of each example; both take the very same steps.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any
from typing import NamedTuple
from typing import Protocol

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.ops.differentiation import Score
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import scalar
from tfrobust.ops.norms import unit
from tfrobust.serialization import Configurable
from tfrobust.threat_model import NormBall

Memory = Any
"""What a step rule carries from step to step: nested tensors, one row each."""


class Iterate(NamedTuple):
    """What is known at a point of the ascent.

    `index` is how many steps were taken before, a scalar; the rest has one
    row per example.
    """

    x_adv: tf.Tensor
    values: tf.Tensor
    gradient: tf.Tensor
    index: tf.Tensor


class StepRule(Protocol):
    """How a gradient becomes the next point."""

    def init(self, x: tf.Tensor) -> Memory:
        """Return the memory before the first step."""
        ...

    def step(
        self,
        here: Iterate,
        memory: Memory,
        x: tf.Tensor,
        ball: NormBall,
        step_size: tf.Tensor | float,
    ) -> tuple[tf.Tensor, Memory]:
        """Return the next point, in ball and box, and the memory then."""
        ...


class FixedStep(Configurable, abc.ABC):
    """A rule whose steps all have one length."""

    @abc.abstractmethod
    def init(self, x: tf.Tensor) -> Memory:
        """Return the memory before the first step."""

    @abc.abstractmethod
    def direction(
        self, ball: NormBall, gradient: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, Memory]:
        """Return a direction of unit norm and the memory after this step."""

    def step(
        self,
        here: Iterate,
        memory: Memory,
        x: tf.Tensor,
        ball: NormBall,
        step_size: tf.Tensor | float,
    ) -> tuple[tf.Tensor, Memory]:
        """See `StepRule`."""
        gradient = ball.open_gradient(here.gradient, here.x_adv)
        direction, memory = self.direction(ball, gradient, memory)
        step = scalar(step_size, x.dtype) * tf.cast(direction, x.dtype)
        return ball.project(here.x_adv + step, x), memory


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class SteepestAscent(FixedStep):
    """The direction of the ball's norm with the largest slope."""

    def init(self, x: tf.Tensor) -> Memory:
        """No memory."""
        del x
        return ()

    def direction(
        self, ball: NormBall, gradient: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, Memory]:
        """See base class."""
        return ball.steepest_ascent(gradient), memory


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class Momentum(FixedStep):
    """Steepest ascent along g <- decay * g + gradient / ||gradient||_1.

    Args:
        decay: share of the past kept at each step, non-negative; default 1.

    References:
        Dong et al., 2018, https://arxiv.org/abs/1710.06081, eq. (6)
    """

    decay: float = 1.0

    def __post_init__(self) -> None:
        check_non_negative("decay", self.decay)

    def init(self, x: tf.Tensor) -> Memory:
        """Accumulated gradients: zeros."""
        return tf.zeros_like(x)

    def direction(
        self, ball: NormBall, gradient: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, Memory]:
        """See base class."""
        memory = self.decay * memory + unit(gradient, 1)
        return ball.steepest_ascent(memory), memory


class AscentState(NamedTuple):
    """An ascent between two steps; every tensor has one row per example.

    `best` is the point to return: any success before any failure, then the
    larger value.
    """

    x_adv: tf.Tensor
    memory: Memory
    best: tf.Tensor
    best_value: tf.Tensor
    success: tf.Tensor


def maximize(
    score: Score,
    x: tf.Tensor,
    *,
    ball: NormBall,
    start: tf.Tensor,
    step_size: tf.Tensor | float,
    num_steps: tf.Tensor | int,
    rule: StepRule,
) -> tf.Tensor:
    """Climb `score` inside the ball around `x` and return the last iterate.

    Every step is taken on every example; nothing is kept or skipped.

    Args:
        score: `x_adv -> (values (batch,), logits)`.
        x: centres, shape (batch, ...).
        ball: the threat model.
        start: first point, of `x`'s shape, inside the ball.
        step_size: length of a step in the ball's norm, in input units.
        num_steps: how many steps.
        rule: turns gradients into directions.

    Returns:
        Tensor of `x`'s shape, without gradient.
    """

    def body(
        index: tf.Tensor, x_adv: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, tf.Tensor, Memory]:
        values, _, gradient = value_and_gradient(score, x_adv)
        here = Iterate(x_adv, values, without_gaps(gradient), index)
        return index + 1, *rule.step(here, memory, x, ball, step_size)

    _, x_adv, _ = tf.while_loop(
        lambda *_: True,
        body,
        (tf.constant(0), tf.stop_gradient(start), rule.init(x)),
        maximum_iterations=num_steps,
    )
    return tf.stop_gradient(x_adv)


def without_gaps(gradient: tf.Tensor) -> tf.Tensor:
    """Return the gradient with zeros where it isn't finite.

    A square root at zero, say: one NaN would spread over the example.
    """
    finite = tf.math.is_finite(gradient)
    return tf.where(finite, gradient, tf.zeros_like(gradient))


def begin(start: tf.Tensor, rule: StepRule) -> AscentState:
    """Return the state before the first step."""
    rows = tf.shape(start)[:1]
    return AscentState(
        x_adv=start,
        memory=rule.init(start),
        best=start,
        best_value=tf.fill(rows, tf.constant(-float("inf"), tf.float32)),
        success=tf.fill(rows, False),
    )


def keep_best(
    state: AscentState, values: tf.Tensor, success: tf.Tensor
) -> AscentState:
    """Return `state` with `best` replaced where `x_adv` is better."""
    values = tf.cast(values, tf.float32)
    larger = values > state.best_value
    better = (success & ~state.success) | ((success == state.success) & larger)
    rows = tf.reshape(better, (-1,) + (1,) * (state.x_adv.shape.rank - 1))
    return state._replace(
        best=tf.where(rows, state.x_adv, state.best),
        best_value=tf.where(better, values, state.best_value),
        success=state.success | success,
    )
