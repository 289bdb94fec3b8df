"""Where an ascent begins."""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from tfrobust.arguments import check_positive
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import scalar
from tfrobust.ops.norms import unit
from tfrobust.ops.sampling import Noise
from tfrobust.serialization import Configurable
from tfrobust.threat_model import NormBall


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class UniformStart(Configurable):
    """Start uniform in the ball (Madry et al., 2018)."""

    def __call__(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return starting points of `x`'s shape, inside ball and box."""
        return ball.random_start(x, noise)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class GaussianStart(Configurable):
    """Start at x + stddev * N(0, I), projected (TRADES and LFR).

    Args:
        stddev: standard deviation in input units; positive, default 0.001.
    """

    stddev: float = 0.001

    def __post_init__(self) -> None:
        check_positive("stddev", self.stddev)

    def __call__(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return starting points of `x`'s shape, inside ball and box."""
        return ball.project(x + self.stddev * noise.normal(x), x)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class SphereStart(Configurable):
    """Start at distance epsilon in a random direction (Croce and Hein, 2020).

    The direction is a draw from the cube for l-inf, Gaussian otherwise,
    scaled to the sphere, then clipped to the box. A ball may have a radius
    for each example.
    """

    def __call__(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return starting points of `x`'s shape, on the sphere or the box."""
        linf = ball.norm == "inf"
        draw = 2.0 * noise.uniform(x) - 1.0 if linf else noise.normal(x)
        radius = per_example(scalar(ball.epsilon, x.dtype), x)
        return ball.clip(x + radius * unit(draw, ball.norm))


Start = UniformStart | GaussianStart | SphereStart


def start_points(
    start: Start | None, ball: NormBall, x: tf.Tensor, noise: Noise
) -> tf.Tensor:
    """Return where to begin: `x` itself where there is no random start."""
    return x if start is None else start(ball, x, noise)
