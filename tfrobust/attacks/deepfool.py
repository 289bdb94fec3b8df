"""DeepFool's steps to the nearest linearised boundary.

Moosavi-Dezfooli, Fawzi and Frossard, 2016, https://arxiv.org/abs/1511.04599
"""

from __future__ import annotations

import dataclasses
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.boundaries import logits_and_jacobian
from tfrobust.attacks.boundaries import nearest_boundary
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import Candidates
from tfrobust.objectives import Objective
from tfrobust.ops.norms import l1_norm
from tfrobust.ops.norms import l2_norm
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import unit
from tfrobust.threat_model import NormBall


def minimal_perturbation(
    classifier: Any,
    x: tf.Tensor,
    labels: tf.Tensor,
    *,
    num_steps: int,
    overshoot: float = 0.02,
    num_candidates: int = 10,
) -> tf.Tensor:
    """Return l2 perturbations towards the nearest class, without a box.

    An example stops moving when another class than `labels` is predicted; a
    misclassified one has no perturbation.

    Args:
        classifier: maps (x, training) to logits; run in inference mode.
        x: inputs, shape (batch, ...).
        labels: classes to leave, shape (batch,).
        num_steps: linearisations at most.
        overshoot: the sum of steps is lengthened by so much; default 0.02.
        num_candidates: classes that are looked at, those of the highest
            clean logits; default 10, as libraries have it.

    Returns:
        Tensor of `x`'s shape, without gradient.
    """

    clean_logits = classifier(x, training=False)
    count = min(num_candidates, clean_logits.shape[1])
    # The first is the label wherever anything is to be done.
    classes = tf.math.top_k(clean_logits, count).indices

    def body(total: tf.Tensor) -> tuple[tf.Tensor]:
        here = x + (1.0 + overshoot) * total
        logits, jacobian = logits_and_jacobian(classifier, here, classes)
        predicted = tf.argmax(logits, 1, output_type=labels.dtype)
        standing = predicted == labels
        logits = tf.gather(logits, classes, batch_dims=1)
        step = _step_to(*nearest_boundary(logits, jacobian, 2), 2)
        step = tf.reshape(step, tf.shape(x))
        return (total + step * per_example(standing, x),)

    (total,) = tf.while_loop(
        lambda _: True,
        body,
        (tf.zeros_like(x),),
        maximum_iterations=num_steps,
    )
    return tf.stop_gradient((1.0 + overshoot) * total)


def _step_to(
    normal: tf.Tensor, gap: tf.Tensor, order: Norm, beyond: Any = 0.0
) -> tf.Tensor:
    """Return the shortest step over the gap, without a box, (batch, D)."""
    length, direction = l1_norm(normal), tf.sign(normal)
    if order == 2:
        length, direction = l2_norm(normal), unit(normal, 2)
    distance = tf.math.divide_no_nan(gap, length) + beyond
    return distance[:, None] * direction


# Where the box cuts steps short the gap shrinks by a factor and is never
# crossed; the authors' code goes so much further at each step.
_BEYOND = 1e-4


class _State(NamedTuple):
    total: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class DeepFool(NearestPointAttack):
    """Steps to the nearest linearised boundary until the class changes.

    Args:
        threat_model: ball of norm 2 or "inf", and box; see
            `NearestPointAttack`.
        num_steps: linearisations at most; default 50 (authors, Foolbox).
        overshoot: the sum of steps is lengthened by so much, non-negative;
            default 0.02 (authors).
        num_candidates: classes that are looked at, at least 2, those of the
            highest clean logits; default 10.
    """

    needs = ("jacobian", "forward")
    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 50
    overshoot: float = 0.02
    num_candidates: int = 10

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm == 1:
            raise ValueError("DeepFool takes norm 2 or inf. Received: norm=1")
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_candidates", self.num_candidates, minimum=2)
        check_non_negative("overshoot", self.overshoot)

    @property
    def objective(self) -> Objective:
        """Any class but the true one; labels list the candidates."""
        return Candidates(count=self.num_candidates)

    @property
    def chunk(self) -> int:
        """Most need two or three steps, and each is dear."""
        return 1

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        return _State(tf.zeros_like(rows.x), no_point_yet(rows.x))

    def has_ended(self, state: _State) -> tf.Tensor:
        """See base class; the first point found is the point."""
        return tf.math.is_finite(state.best.distance)

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        model, ball, rows = problem
        x, classes = rows.x, rows.labels
        here = ball.clip(x + (1.0 + self.overshoot) * state.total)
        logits, jacobian = logits_and_jacobian(model, here, classes)
        logits = tf.gather(logits, classes, batch_dims=1)
        boundary = nearest_boundary(logits, jacobian, ball.norm)
        # Not at the first step, which is exact where the model is affine.
        beyond = _BEYOND * tf.cast(index > 0, x.dtype)
        step = _step_to(*boundary, ball.norm, beyond)
        standing = per_example(~self.has_ended(state), x)
        total = state.total + tf.reshape(step, tf.shape(x)) * standing
        points = ball.clip(x + (1.0 + self.overshoot) * total)
        broken = is_broken(classes[:, 0], model(points, training=False))
        broken &= ~self.has_ended(state)
        return _State(total, nearer(state.best, points, broken, problem))
