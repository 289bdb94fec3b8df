"""FAB: steps to the linearised boundary, drawn back to the clean image.

Croce and Hein, 2020, Minimally distorted adversarial examples with a fast
adaptive boundary attack, https://arxiv.org/abs/1907.02044
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks.apgd import rival_pairs
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.working_set import advance_shrinking
from tfrobust.objectives import logit_difference
from tfrobust.objectives import Objective
from tfrobust.objectives import TowardsRival
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.hyperplanes import share_of_second
from tfrobust.ops.hyperplanes import step_to_hyperplane
from tfrobust.ops.norms import inner_product
from tfrobust.ops.norms import per_example
from tfrobust.threat_model import NormBall

_MOST_BIAS, _OVERSHOOT, _BACKWARD = 0.1, 1.05, 0.9


class BoundaryState(NamedTuple):
    """A search between two steps; one row per example.

    `best` is the nearest adversarial point so far, `distance` its norm.
    """

    x_adv: tf.Tensor
    best: tf.Tensor
    distance: tf.Tensor


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class TargetedFAB(Attack):
    """FAB-T: towards each of the strongest rivals, one by one.

    Step: to the boundary between the true class and the rival, linearised,
    1.05 times as far as needed, mixed with the same from the clean image;
    an adversarial point is drawn back by a tenth. An example whose nearest
    adversarial point lies in the ball ends its search.

    Args:
        threat_model: ball (2 or "inf") and box.
        num_steps: of each run, at least 1; default 100 (authors).
        num_targets: rivals by clean logit; default 9 (authors), never more
            than there are.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    num_targets: int = 9

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model)
        if self.threat_model.norm == 1:
            raise ValueError("FAB takes norm 2 or inf. Received: norm=1")
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_targets", self.num_targets, minimum=1)

    @property
    def objective(self) -> Objective:
        """Any class but the true one."""
        return TowardsRival()

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class; where nothing is in the ball, x."""
        del example_ids
        found, standing = x.numpy(), np.arange(len(x))
        advance = self._compiled(classifier, x)
        pairs = rival_pairs(classifier, x, labels[:, 0], self.num_targets)
        for run in pairs:
            rows = tuple(tf.gather(t, standing) for t in (x, run))
            points, distance = advance_shrinking(
                self._begin(rows[0]),
                rows,
                lambda state, rows, first, steps: advance(
                    state, *rows, tf.constant(steps, tf.int32)
                ),
                finished=self._is_inside,
                result=lambda state: (state.best, state.distance),
                num_steps=self.num_steps,
            )
            inside = distance <= self.threat_model.epsilon
            found[standing[inside]] = points[inside]
            standing = standing[~inside]
            if not standing.size:
                break
        return found

    def _begin(self, x: tf.Tensor) -> BoundaryState:
        far = tf.fill(tf.shape(x)[:1], tf.constant(float("inf"), x.dtype))
        return BoundaryState(x_adv=x, best=x, distance=far)

    def _is_inside(self, state: BoundaryState) -> tf.Tensor:
        return state.distance <= self.threat_model.epsilon

    def _compiled(self, classifier: Any, x: tf.Tensor) -> Callable:
        ball = self.threat_model.with_epsilon(0.0)
        images = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        state = BoundaryState(
            images, images, tf.TensorSpec((None,), images.dtype)
        )
        pairs = tf.TensorSpec((None, 2), tf.int64)

        def build(model: Any) -> Callable:
            def advance(
                state: BoundaryState,
                x: tf.Tensor,
                labels: tf.Tensor,
                num_steps: tf.Tensor,
            ) -> BoundaryState:
                (state,) = tf.while_loop(
                    lambda _: True,
                    lambda state: (_step(model, ball, state, x, labels),),
                    (state,),
                    maximum_iterations=num_steps,
                )
                return state

            return advance

        return compiled(
            classifier,
            ("fab", ball, images),
            build,
            [state, images, pairs, tf.TensorSpec((), tf.int32)],
        )


def _step(
    model: Any,
    ball: NormBall,
    state: BoundaryState,
    x: tf.Tensor,
    labels: tf.Tensor,
) -> BoundaryState:
    """Return the state one step later."""
    y, target = labels[:, 0], labels[:, 1]

    def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x_adv, training=False)
        return logit_difference(y, target, logits), logits

    here = state.x_adv
    value, _, normal = value_and_gradient(score, here)
    to_cover = tf.cast(-value, x.dtype)
    from_clean = to_cover + tf.cast(inner_product(normal, here - x), x.dtype)
    first = step_to_hyperplane(here, normal, to_cover, ball.norm, ball.bounds)
    second = step_to_hyperplane(x, normal, from_clean, ball.norm, ball.bounds)
    bias = tf.minimum(share_of_second(first, second, ball.norm), _MOST_BIAS)
    x_adv = ball.clip(
        (here + _OVERSHOOT * first) * (1.0 - bias)
        + (x + _OVERSHOOT * second) * bias
    )
    logits = model(x_adv, training=False)
    broken = tf.argmax(logits, 1, output_type=y.dtype) != y
    broken &= tf.reduce_all(tf.math.is_finite(logits), axis=1)
    distance = tf.cast(ball.perturbation_norm(x_adv, x), x.dtype)
    nearer = broken & (distance < state.distance)
    rows = per_example(nearer, x) > 0
    return BoundaryState(
        x_adv=tf.where(
            per_example(broken, x) > 0, x + _BACKWARD * (x_adv - x), x_adv
        ),
        best=tf.where(rows, x_adv, state.best),
        distance=tf.where(nearer, distance, state.distance),
    )
