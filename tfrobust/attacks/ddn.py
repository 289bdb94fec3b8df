"""DDN: direction and norm, decoupled.

Rony et al., 2019, Decoupling direction and norm for efficient gradient-based
l2 adversarial attacks and defenses, https://arxiv.org/abs/1811.09600
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_seed
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import unit
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall

_LAST_STEP = 0.01


class _State(NamedTuple):
    delta: tf.Tensor
    radius: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class DDN(NearestPointAttack):
    """A step along the gradient, then onto a sphere that shrinks or grows.

    The sphere's radius is multiplied by 1 - gamma where the point is
    adversarial and by 1 + gamma where not; steps fall from 1 to 0.01 along a
    cosine.

    Args:
        threat_model: ball of norm 2 and box; see `NearestPointAttack`.
        num_steps: at least 1; default 100 (authors).
        gamma: in (0, 1); default 0.05 (authors).
        initial_radius: positive, in input units; default 1 (authors).
        levels: round perturbations to so many values of the box, at least
            2 (authors, Foolbox 2.3.0, advertorch: 256); default `None`.
        seed: of the direction where a gradient vanishes; default 0.

    Example:

    >>> DDN(NormBall(2, epsilon=math.inf)).num_steps
    100
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_steps: int = 100
    gamma: float = 0.05
    initial_radius: float = 1.0
    levels: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm != 2:
            raise ValueError(
                f"DDN takes norm 2. Received: norm={self.threat_model.norm!r}"
            )
        check_integer("num_steps", self.num_steps, minimum=1)
        check_positive("initial_radius", self.initial_radius)
        if not 0 < self.gamma < 1:
            raise ValueError(
                f"`gamma` must be in (0, 1). Received: gamma={self.gamma!r}"
            )
        if self.levels is not None:
            check_integer("levels", self.levels, minimum=2)
        if self.levels is not None and self.threat_model.bounds is None:
            raise ValueError("`levels` needs a box. Received: bounds=None")
        check_seed(self.seed)

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        x = rows.x
        radius = tf.constant(self.initial_radius, x.dtype)
        return _State(
            tf.zeros_like(x),
            tf.fill(tf.shape(x)[:1], radius),
            no_point_yet(x),
        )

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        model, ball, rows = problem
        x, here = rows.x, rows.x + state.delta
        score = CrossEntropy()(model, x, rows.labels)
        _, logits, gradient = value_and_gradient(score, here)
        broken = is_broken(rows.labels, logits)
        best = nearer(state.best, here, broken, problem)
        direction = unit(self._never_zero(gradient, rows, index), 2)
        share = (1.0 + tf.cos(math.pi * self._progress(index, x.dtype))) / 2
        size = _LAST_STEP + (1.0 - _LAST_STEP) * share
        delta = state.delta + size * direction
        factor = tf.where(broken, 1.0 - self.gamma, 1.0 + self.gamma)
        radius = state.radius * tf.cast(factor, x.dtype)
        delta = unit(delta, 2) * per_example(radius, x)
        return _State(self._in_box(delta, x, ball), radius, best)

    def _progress(self, index: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        return tf.cast(index, dtype) / self.num_steps

    def _never_zero(
        self, gradient: tf.Tensor, rows: Rows, index: tf.Tensor
    ) -> tf.Tensor:
        """Return the gradient, a random direction where it vanishes."""
        zero = tf.reduce_all(flatten(gradient) == 0, axis=1)

        def drawn() -> tf.Tensor:
            noise = ExampleNoise(self.seed, rows.ids, index)
            random = noise.normal(gradient)
            return tf.where(per_example(zero, gradient) > 0, random, gradient)

        return tf.cond(tf.reduce_any(zero), drawn, lambda: gradient)

    def _in_box(
        self, delta: tf.Tensor, x: tf.Tensor, ball: NormBall
    ) -> tf.Tensor:
        delta = ball.clip(x + delta) - x
        if self.levels is None:
            return delta
        low, high = ball.bounds  # type: ignore[misc]
        grain = (high - low) / (self.levels - 1)
        return ball.clip(x + tf.round(delta / grain) * grain) - x
