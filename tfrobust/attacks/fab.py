"""FAB: steps to the linearised boundary, drawn back to the clean image.

Croce and Hein, 2020, Minimally distorted adversarial examples with a fast
adaptive boundary attack, https://arxiv.org/abs/1907.02044
"""

from __future__ import annotations

import dataclasses
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks.apgd import rival_pairs
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
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


class _State(NamedTuple):
    x_adv: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class TargetedFAB(NearestPointAttack):
    """FAB-T: towards each of the strongest rivals, one by one.

    Step: to the boundary between the true class and the rival, linearised,
    1.05 times as far as needed, mixed with the same from the clean image;
    an adversarial point is drawn back by a tenth.

    Args:
        threat_model: ball (2 or "inf") and box; see `NearestPointAttack`.
        num_steps: of each run, at least 1; default 100 (authors).
        num_targets: rivals by clean logit; default 9 (authors), never more
            than there are.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    num_targets: int = 9

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm == 1:
            raise ValueError("FAB takes norm 2 or inf. Received: norm=1")
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_targets", self.num_targets, minimum=1)

    @property
    def objective(self) -> Objective:
        """Any class but the true one."""
        return TowardsRival()

    def runs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return pairs (y, target), one list for each target."""
        return rival_pairs(classifier, x, labels[:, 0], self.num_targets)

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        return _State(rows.x, no_point_yet(rows.x))

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        del index
        x, y = problem.rows.x, problem.rows.labels[:, 0]
        x_adv = _towards_boundary(problem, state.x_adv)
        broken = is_broken(y, problem.model(x_adv, training=False))
        back = per_example(broken, x) > 0
        return _State(
            tf.where(back, x + _BACKWARD * (x_adv - x), x_adv),
            nearer(state.best, x_adv, broken, problem),
        )


def _towards_boundary(problem: Problem, here: tf.Tensor) -> tf.Tensor:
    """Return the mixture of the steps from here and from the clean image."""
    model, ball, rows = problem
    x, y, target = rows.x, rows.labels[:, 0], rows.labels[:, 1]

    def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x_adv, training=False)
        return logit_difference(y, target, logits), logits

    value, _, normal = value_and_gradient(score, here)
    gap = tf.cast(-value, x.dtype)
    from_clean = gap + tf.cast(inner_product(normal, here - x), x.dtype)
    order, bounds = ball.norm, ball.bounds
    first = step_to_hyperplane(here, normal, gap, order, bounds)
    second = step_to_hyperplane(x, normal, from_clean, order, bounds)
    bias = tf.minimum(share_of_second(first, second, order), _MOST_BIAS)
    return ball.clip(
        (here + _OVERSHOOT * first) * (1.0 - bias)
        + (x + _OVERSHOOT * second) * bias
    )
