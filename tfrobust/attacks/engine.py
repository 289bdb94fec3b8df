"""The compiled pieces of a climb, advanced by chunks of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrobust.attacks import ascent
from tfrobust.attacks.ascent import AscentState
from tfrobust.attacks.ascent import Iterate
from tfrobust.attacks.ascent import StepRule
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.starts import Start
from tfrobust.attacks.starts import start_points
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall


class AscentEngine:
    """Begin, advance, finish: three graphs per (classifier, kind of attack).

    Radius, step size and number of steps are arguments of the graphs, and
    rows are unknown there: neither another epsilon nor a smaller working
    set is traced again.

    Args:
        classifier: maps (x, training) to logits.
        x: images of the shape and dtype to come.
        labels: labels likewise, shape (batch,) or (batch, several).
        ball: the threat model.
        objective: what to climb.
        rule: turns gradients into directions.
        start: where to begin; `None` for x itself.
        step_size: length of a step, in input units.
        keep_best: whether `best` follows every iterate or is the last.
    """

    def __init__(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        *,
        ball: NormBall,
        objective: Objective,
        rule: StepRule,
        start: Start | None,
        step_size: float,
        keep_best: bool,
    ) -> None:
        self._ball = ball.with_epsilon(0.0)
        self._objective, self._rule = objective, rule
        self._keep_best = keep_best
        self._epsilon = tf.constant(ball.epsilon, x.dtype)
        self._step_size = tf.constant(step_size, x.dtype)
        rows = _rows_of(x)
        ints, count = (
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((), tf.int64),
        )
        scalar, index = tf.TensorSpec((), x.dtype), tf.TensorSpec((), tf.int32)
        labels = _rows_of(labels)
        state = tf.nest.map_structure(_rows_of, ascent.begin(x[:1], rule))
        key = (self._ball, rule, objective, keep_best, rows, labels)
        self._begin = compiled(
            classifier,
            ("begin", start, self._ball, rule, rows),
            lambda _: self._build_begin(start),
            [rows, ints, count, count, scalar],
        )
        self._advance = compiled(
            classifier,
            ("advance", *key),
            self._build_advance,
            [state, rows, labels, scalar, scalar, index, index],
        )
        self._finish = compiled(
            classifier,
            ("finish", *key),
            self._build_finish,
            [state, rows, labels],
        )

    def begin(
        self, x: tf.Tensor, example_ids: tf.Tensor, seed: int, draw: int
    ) -> AscentState:
        """Return the state before the first step of restart `draw`."""
        keys = tf.constant(seed, tf.int64), tf.constant(draw, tf.int64)
        return self._begin(x, example_ids, *keys, self._epsilon)

    def advance(
        self,
        state: AscentState,
        x: tf.Tensor,
        labels: tf.Tensor,
        *,
        first: int,
        steps: int,
    ) -> AscentState:
        """Return the state `steps` steps later; `first` were taken before."""
        counts = tf.constant(first, tf.int32), tf.constant(steps, tf.int32)
        sizes = self._epsilon, self._step_size
        return self._advance(state, x, labels, *sizes, *counts)

    def finish(
        self, state: AscentState, x: tf.Tensor, labels: tf.Tensor
    ) -> AscentState:
        """Return the state after a look at the last iterate."""
        return self._finish(state, x, labels)

    def _build_begin(self, start: Start | None) -> Callable:
        shape, rule = self._ball, self._rule

        def begin(
            x: tf.Tensor,
            example_ids: tf.Tensor,
            seed: tf.Tensor,
            draw: tf.Tensor,
            epsilon: tf.Tensor,
        ) -> AscentState:
            noise = ExampleNoise(seed, example_ids, draw)
            ball = shape.with_epsilon(epsilon)
            return ascent.begin(start_points(start, ball, x, noise), rule)

        return begin

    def _build_advance(self, model: Any) -> Callable:
        shape, rule, objective = self._ball, self._rule, self._objective
        keep_best = self._keep_best

        def advance(
            state: AscentState,
            x: tf.Tensor,
            labels: tf.Tensor,
            epsilon: tf.Tensor,
            step_size: tf.Tensor,
            first: tf.Tensor,
            num_steps: tf.Tensor,
        ) -> AscentState:
            score = objective(model, x, labels)
            ball = shape.with_epsilon(epsilon)

            def body(
                index: tf.Tensor, state: AscentState
            ) -> tuple[tf.Tensor, AscentState]:
                values, logits, gradient = value_and_gradient(
                    score, state.x_adv
                )
                if keep_best:
                    success = _success(objective, labels, logits)
                    state = ascent.keep_best(state, values, success)
                gradient = ascent.without_gaps(gradient)
                here = Iterate(state.x_adv, values, gradient, index)
                x_adv, memory = rule.step(
                    here, state.memory, x, ball, step_size
                )
                return index + 1, state._replace(x_adv=x_adv, memory=memory)

            _, state = tf.while_loop(
                lambda *_: True,
                body,
                (first, state),
                maximum_iterations=num_steps,
            )
            return state

        return advance

    def _build_finish(self, model: Any) -> Callable:
        objective, keep_best = self._objective, self._keep_best

        def finish(
            state: AscentState, x: tf.Tensor, labels: tf.Tensor
        ) -> AscentState:
            values, logits = objective(model, x, labels)(state.x_adv)
            success = _success(objective, labels, logits)
            if keep_best:
                return ascent.keep_best(state, values, success)
            values = tf.cast(values, state.best_value.dtype)
            return AscentState(
                state.x_adv, state.memory, state.x_adv, values, success
            )

        return finish


def _success(
    objective: Objective, labels: tf.Tensor, logits: tf.Tensor
) -> tf.Tensor:
    """A point whose logits aren't finite is no success."""
    finite = tf.reduce_all(tf.math.is_finite(logits), axis=1)
    return finite & objective.success(labels, logits)


def _rows_of(t: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec((None, *t.shape[1:]), t.dtype)
