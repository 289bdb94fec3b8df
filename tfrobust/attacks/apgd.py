"""Auto-PGD: an ascent that chooses its own step sizes.

Croce and Hein, 2020, Reliable evaluation of adversarial robustness with an
ensemble of diverse parameter-free attacks, https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

import dataclasses
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.ascent import Iterate
from tfrobust.attacks.ascent import StepRule
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.attacks.starts import SphereStart
from tfrobust.attacks.starts import Start
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import NextLikely
from tfrobust.objectives import Objective
from tfrobust.objectives import TowardsRival
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import scalar
from tfrobust.serialization import Configurable
from tfrobust.threat_model import NormBall


def checkpoints(num_steps: int) -> list[int]:
    """Return the steps after which step sizes are looked at (section 3.2).

    >>> checkpoints(100)
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    window = max(int(0.22 * num_steps), 1)
    shortest = max(int(0.06 * num_steps), 1)
    shrink = max(int(0.03 * num_steps), 1)
    steps, at = [], window
    while at <= num_steps:
        steps.append(at)
        window = max(window - shrink, shortest)
        at += window
    return steps


class HalvingMemory(NamedTuple):
    """What `Halving` knows of each example."""

    previous: tf.Tensor
    best: tf.Tensor
    best_gradient: tf.Tensor
    best_value: tf.Tensor
    last_value: tf.Tensor
    rises: tf.Tensor
    best_at_check: tf.Tensor
    halved: tf.Tensor
    scale: tf.Tensor


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class Halving(Configurable):
    """Steps with momentum whose length is halved where they don't help.

    At a checkpoint an example's step is halved, and it goes back to its best
    point, if its value rose in at most 75 % of the steps since the last, or
    if nothing was gained since and the step was not halved then.

    Args:
        num_steps: of the whole ascent.
    """

    num_steps: int

    def init(self, x: tf.Tensor) -> HalvingMemory:
        """See `StepRule`."""
        rows = tf.shape(x)[:1]
        infinity = tf.fill(rows, tf.constant(float("inf")))
        zeros = tf.zeros_like(x)
        return HalvingMemory(
            previous=zeros,
            best=zeros,
            best_gradient=zeros,
            best_value=-infinity,
            last_value=infinity,
            rises=tf.zeros(rows, tf.int32),
            best_at_check=-infinity,
            halved=tf.fill(rows, True),
            scale=tf.ones(rows),
        )

    def step(
        self,
        here: Iterate,
        memory: HalvingMemory,
        x: tf.Tensor,
        ball: NormBall,
        step_size: tf.Tensor | float,
    ) -> tuple[tf.Tensor, HalvingMemory]:
        """See `StepRule`; z is the plain step, momentum 1/4 of the last."""
        memory = _noted(here, memory)
        window = tf.gather(self._windows(), here.index)
        halve = (window > 0) & _stalled(memory, window)
        memory = _checked(memory, halve, window > 0)
        point = _choose(halve, memory.best, here.x_adv)
        gradient = _choose(halve, memory.best_gradient, here.gradient)
        size = scalar(step_size, x.dtype) * per_example(memory.scale, x)
        z = ball.project(point + size * ball.steepest_ascent(gradient), x)
        inertia = 0.25 * (point - memory.previous)
        later = point + 0.75 * (z - point) + inertia
        next_point = ball.project(tf.where(here.index == 0, z, later), x)
        return next_point, memory._replace(previous=point)

    def _windows(self) -> tf.Tensor:
        """Return how many steps a checkpoint looks back, 0 for no check."""
        at = checkpoints(self.num_steps)
        windows = np.zeros(self.num_steps + 1, np.int32)
        windows[at] = np.diff([0, *at])
        return tf.constant(windows)


def _noted(here: Iterate, memory: HalvingMemory) -> HalvingMemory:
    """Return the memory after a look at the value here."""
    values = tf.cast(here.values, tf.float32)
    better = values > memory.best_value
    return memory._replace(
        best=_choose(better, here.x_adv, memory.best),
        best_gradient=_choose(better, here.gradient, memory.best_gradient),
        best_value=tf.where(better, values, memory.best_value),
        last_value=values,
        rises=memory.rises + tf.cast(values > memory.last_value, tf.int32),
    )


def _stalled(memory: HalvingMemory, window: tf.Tensor) -> tf.Tensor:
    """Say for each example whether its step is too long (conditions 1, 2)."""
    few = 4 * memory.rises <= 3 * window
    flat = memory.best_at_check >= memory.best_value
    return few | (~memory.halved & flat)


def _checked(
    memory: HalvingMemory, halve: tf.Tensor, is_check: tf.Tensor
) -> HalvingMemory:
    """Return the memory after a checkpoint, where this is one."""
    return memory._replace(
        rises=tf.where(is_check, 0, memory.rises),
        best_at_check=tf.where(
            is_check, memory.best_value, memory.best_at_check
        ),
        halved=tf.where(is_check, halve, memory.halved),
        scale=tf.where(halve, 0.5 * memory.scale, memory.scale),
    )


def _choose(rows: tf.Tensor, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Return `one` in these rows and `other` in the rest."""
    shape = (-1,) + (1,) * (one.shape.rank - 1)
    return tf.where(tf.reshape(rows, shape), one, other)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class APGD(GradientAttack):
    """Auto-PGD: projected ascent with momentum, no step size to choose.

    The first step is 2 * epsilon long; `Halving` shortens it example by
    example. A broken example ends its search.

    Args:
        threat_model: ball (2 or "inf") and box.
        num_steps: at least 1; default 100 (authors).
        num_restarts: runs with fresh noise on what still stands; default 1.
        random_start: default `SphereStart()`.
        objective: what to climb; default `CrossEntropy()` (APGD-CE);
            `DifferenceOfLogitsRatio()` gives APGD-DLR.
        keep_best: as in `PGD`; default True.
        seed: of the starts, in [0, 2**32); default 0.

    Raises:
        ValueError: at once, for a value out of range.

    Example:

    >>> APGD(NormBall("inf", epsilon=0.25)).step_length
    0.5
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    num_restarts: int = 1
    random_start: Start = SphereStart()
    objective: Objective = CrossEntropy()
    keep_best: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model)
        if self.threat_model.norm == 1:
            raise ValueError(
                "APGD takes norm 2 or inf; in l1 use PGD. Received: norm=1"
            )
        check_type(
            "objective", self.objective, Objective, example="CrossEntropy()"
        )
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_restarts", self.num_restarts, minimum=1)
        check_seed(self.seed)

    @property
    def rule(self) -> StepRule:
        """See base class."""
        return Halving(self.num_steps)

    @property
    def step_length(self) -> float:
        """Length of the first step: twice the radius."""
        return 2.0 * self.threat_model.epsilon


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class TargetedAPGD(APGD):
    """APGD-T: one run towards each of the strongest rivals, one by one.

    Any wrong class is a success; a broken example is not attacked again.

    Args:
        num_targets: rivals by clean logit, at most 9 by default (authors);
            never more than there are.
        objective: one of pairs (y, target); default `TowardsRival()`. The
            rest as in `APGD`.
    """

    _: dataclasses.KW_ONLY
    objective: Objective = TowardsRival()
    num_targets: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("num_targets", self.num_targets, minimum=1)
        labels = self.objective.labels(tf.constant([0]), tf.zeros((1, 3)))
        if labels.shape.rank != 2:
            raise ValueError(
                "`objective` must take pairs (y, target), such as "
                f"TowardsRival(). Received: objective={self.objective}"
            )

    @property
    def num_runs(self) -> int:
        """See base class; targets are never more than there are."""
        return self.num_targets * self.num_restarts

    def runs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return pairs (y, target), a list of restarts for each target."""
        pairs = rival_pairs(classifier, x, labels[:, 0], self.num_targets)
        return [p for p in pairs for _ in range(self.num_restarts)]


def rival_pairs(
    classifier: Any, x: tf.Tensor, y: tf.Tensor, num_targets: int
) -> list[tf.Tensor]:
    """Return (y, k-th strongest rival), each (batch, 2), for k = 1, 2, ...

    Args:
        classifier: maps (x, training) to logits.
        x: clean images.
        y: true labels, shape (batch,).
        num_targets: rivals at most.
    """
    logits = tf.constant(predict_logits(classifier, x.numpy()))
    count = min(num_targets, logits.shape[1] - 1)
    ranks = [NextLikely(rank) for rank in range(1, count + 1)]
    return [TowardsRival(rank).labels(y, logits) for rank in ranks]
