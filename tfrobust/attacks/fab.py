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
from tfrobust.arguments import check_seed
from tfrobust.attacks.apgd import rival_pairs
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
from tfrobust.attacks.starts import SphereStart
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.objectives import Candidates
from tfrobust.objectives import logit_difference
from tfrobust.objectives import Objective
from tfrobust.objectives import TowardsRival
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.hyperplanes import share_of_second
from tfrobust.ops.hyperplanes import step_to_hyperplane
from tfrobust.ops.norms import inner_product
from tfrobust.ops.norms import per_example
from tfrobust.ops.sampling import ExampleNoise
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

    needs = (*GRADIENT, "forward")
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

    @property
    def num_runs(self) -> int:
        """See base class; targets are never more than there are."""
        return self.num_targets

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
        y, target = tf.unstack(problem.rows.labels, axis=1)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = problem.model(x_adv, training=False)
            return logit_difference(y, target, logits), logits

        value, _, normal = value_and_gradient(score, state.x_adv)
        gap = tf.cast(-value, normal.dtype)
        return _advanced(problem, state, normal, gap)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class FAB(NearestPointAttack):
    """FAB: the same steps, each to the nearest of all linearised boundaries.

    Dearer than `TargetedFAB` by an input gradient per class and step.
    Restarts begin at random points, half as far as the nearest point known
    or the radius.

    Args:
        threat_model: ball (2 or "inf") and box; see `NearestPointAttack`.
        num_steps: of each run, at least 1; default 100 (authors).
        num_restarts: runs, at least 1; default 1. With an infinite radius
            an example without a point yet begins at x again.
        num_candidates: classes that are looked at, at least 2, those of the
            highest clean logits; default 10. The authors look at all.
        seed: of the restarts, in [0, 2**32); default 0.
    """

    needs = ("jacobian", "forward")
    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    num_restarts: int = 1
    num_candidates: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm == 1:
            raise ValueError("FAB takes norm 2 or inf. Received: norm=1")
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_restarts", self.num_restarts, minimum=1)
        check_integer("num_candidates", self.num_candidates, minimum=2)
        check_seed(self.seed)

    @property
    def objective(self) -> Objective:
        """Any class but the true one; labels list the candidates."""
        return Candidates(count=self.num_candidates)

    @property
    def num_runs(self) -> int:
        """See base class."""
        return self.num_restarts

    def runs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return the candidates, once for each restart."""
        del classifier, x
        return [labels] * self.num_restarts

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        return _State(rows.x, no_point_yet(rows.x))

    def restarted(
        self, state: _State, rows: Rows, run: int, reach: tf.Tensor
    ) -> _State:
        """See base class; the first run begins at x."""
        if run == 0:
            return state
        reach = tf.where(tf.math.is_finite(reach), 0.5 * reach, 0.0)
        noise = ExampleNoise(self.seed, rows.ids, run)
        start = SphereStart()(
            self.threat_model.with_epsilon(reach), rows.x, noise
        )
        return state._replace(x_adv=start)

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        del index
        classes, here = problem.rows.labels, state.x_adv
        logits, jacobian = logits_and_jacobian(problem.model, here, classes)
        logits = tf.gather(logits, classes, batch_dims=1)
        order = problem.ball.norm
        normal, gap = nearest_boundary(logits, jacobian, order)
        normal = tf.reshape(normal, tf.shape(here))
        return _advanced(problem, state, normal, gap)


def _advanced(
    problem: Problem, state: _State, normal: tf.Tensor, gap: tf.Tensor
) -> _State:
    """Return the state after a step to a boundary, and back if beyond it."""
    x, y = problem.rows.x, problem.rows.labels[:, 0]
    x_adv = _towards_boundary(problem, state.x_adv, normal, gap)
    broken = is_broken(y, problem.model(x_adv, training=False))
    back = per_example(broken, x) > 0
    return _State(
        tf.where(back, x + _BACKWARD * (x_adv - x), x_adv),
        nearer(state.best, x_adv, broken, problem),
    )


def _towards_boundary(
    problem: Problem, here: tf.Tensor, normal: tf.Tensor, gap: tf.Tensor
) -> tf.Tensor:
    """Return the mixture of the steps from here and from the clean image."""
    x, ball = problem.rows.x, problem.ball
    from_clean = gap + tf.cast(inner_product(normal, here - x), x.dtype)
    order, bounds = ball.norm, ball.bounds
    first = step_to_hyperplane(here, normal, gap, order, bounds)
    second = step_to_hyperplane(x, normal, from_clean, order, bounds)
    bias = tf.minimum(share_of_second(first, second, order), _MOST_BIAS)
    return ball.clip(
        (here + _OVERSHOOT * first) * (1.0 - bias)
        + (x + _OVERSHOOT * second) * bias
    )
