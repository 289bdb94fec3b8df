"""FMN: steps inside a ball whose radius follows the boundary.

Pintor, Roli, Brendel and Biggio, 2021, Fast minimum-norm adversarial attacks
through adaptive norm constraints, https://arxiv.org/abs/2102.12827
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import Margin
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import norm
from tfrobust.ops.norms import unit
from tfrobust.threat_model import NormBall

_DUAL: dict[Norm, Norm] = {2: 2, "inf": 1}
_LAST_STEP, _LAST_GAMMA = 0.01, 0.001
_BEYOND = 1.001


class _State(NamedTuple):
    x_adv: tf.Tensor
    radius: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class FMN(NearestPointAttack):
    """A step along the margin's gradient, then into a ball.

    Its radius is, before anything was found, the distance to the linearised
    boundary; then it is multiplied by 1 - gamma where the point is
    adversarial, but never above the best found, and by 1 + gamma where not.
    The gradient is without what leads out of the box (ours): what the box
    cuts off a step brings no image nearer, and its ball would stay too small.
    Steps and gamma fall along cosines, to 0.01 and 0.001 (authors).

    Args:
        threat_model: ball of norm 2 or "inf", and box; see
            `NearestPointAttack`.
        num_steps: at least 1; default 100.
        step_size: of the first step, in l2, in input units; default 1.
        gamma: at first, in (0, 1); default 0.05.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    step_size: float = 1.0
    gamma: float = 0.05

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm == 1:
            raise ValueError("FMN takes norm 2 or inf. Received: norm=1")
        check_integer("num_steps", self.num_steps, minimum=1)
        check_positive("step_size", self.step_size)
        if not 0 < self.gamma < 1:
            raise ValueError(
                f"`gamma` must be in (0, 1). Received: gamma={self.gamma!r}"
            )

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        best = no_point_yet(rows.x)
        return _State(rows.x, best.distance, best)

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        model, ball, rows = problem
        x, here = rows.x, state.x_adv
        score = Margin()(model, x, rows.labels)
        values, logits, gradient = value_and_gradient(score, here)
        gradient = ball.inward(gradient, here)
        broken = is_broken(rows.labels, logits)
        best = nearer(state.best, here, broken, problem)
        share = tf.cast(index, x.dtype) / self.num_steps
        share = (1.0 + tf.cos(math.pi * share)) / 2
        gamma = _LAST_GAMMA + (self.gamma - _LAST_GAMMA) * share
        size = self.step_size * (_LAST_STEP + (1.0 - _LAST_STEP) * share)
        length = tf.cast(norm(gradient, _DUAL[ball.norm]), x.dtype)
        distance = tf.cast(ball.perturbation_norm(here, x), x.dtype)
        to_boundary = tf.cast(tf.abs(values), x.dtype) / length
        radius = tf.where(
            broken,
            tf.minimum(state.radius * (1.0 - gamma), best.distance),
            tf.where(
                tf.math.is_finite(best.distance),
                state.radius * (1.0 + gamma),
                # A little beyond, or rounding decides which side it is.
                _BEYOND * (distance + to_boundary),
            ),
        )
        moved = here + size * unit(gradient, 2)
        x_adv = ball.with_epsilon(radius).project(moved, x)
        return _State(x_adv, radius, best)
