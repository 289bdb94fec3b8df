"""Random noise: the attacks that ask nothing of the model but its answers."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_seed
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.working_set import tell
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.ops.norms import scalar
from tfrobust.ops.norms import unit
from tfrobust.ops.random_fields import exponential_filter
from tfrobust.ops.random_fields import filtered_noise
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.ops.sampling import Noise
from tfrobust.threat_model import NormBall

# Draws of an example at a time: a draw costs less than its start.
_BLOCK = 5


class NoiseAttack(Attack, abc.ABC):
    """The worst of several draws; one that breaks an example is its last."""

    num_draws: int
    seed: int

    @abc.abstractmethod
    def draw(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return points of `x`'s shape in ball and box; compiled."""

    @property
    def objective(self) -> Objective:
        """The margin: the worst draw is the one nearest to breaking."""
        return Margin()

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class."""
        draw_points, look = self._compiled(classifier, x)
        seed = tf.constant(self.seed, tf.int64)
        epsilon = tf.constant(self.threat_model.epsilon, x.dtype)
        found = x.numpy()
        worst = np.full(len(found), -np.inf)
        standing = np.arange(len(found))
        for draw in range(self.num_draws):
            place = draw % _BLOCK
            if place == 0:
                drawn_for = standing
                block = draw // _BLOCK, min(_BLOCK, self.num_draws - draw)
                rows = (tf.gather(t, standing) for t in (x, example_ids))
                keys = (seed, *(tf.constant(n, tf.int64) for n in block))
                points = draw_points(*rows, *keys, epsilon)
            tell(len(standing), 1, ("forward",))
            among_drawn = np.searchsorted(drawn_for, standing)
            tried = tf.gather(points[place], among_drawn)
            values = look(tried, tf.gather(labels, standing)).numpy()
            worse = values > worst[standing]
            found[standing[worse]] = tried.numpy()[worse]
            worst[standing[worse]] = values[worse]
            standing = standing[values <= 0]
            if not standing.size:
                break
        return found

    def _compiled(
        self, classifier: Any, x: tf.Tensor
    ) -> tuple[Callable, Callable]:
        # Seed and number of draws are no part of the graph.
        changes: dict[str, Any] = {"num_draws": 1, "seed": 0}
        shape = dataclasses.replace(  # type: ignore[type-var]
            self.with_radius(0.0), **changes
        )
        rows = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        ints, count = (
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((), tf.int64),
        )
        scalar = tf.TensorSpec((), x.dtype)
        draw_points = compiled(
            classifier,
            ("noise", shape, rows),
            lambda _: shape._draw_block,
            [rows, ints, count, count, count, scalar],
        )
        look = compiled(classifier, ("margin", rows), _margins, [rows, ints])
        return draw_points, look

    def _draw_block(
        self,
        x: tf.Tensor,
        ids: tf.Tensor,
        seed: tf.Tensor,
        block: tf.Tensor,
        draws: tf.Tensor,
        epsilon: tf.Tensor,
    ) -> tf.Tensor:
        """Return several draws of every example, shape (draws, batch, ...)."""
        noise = ExampleNoise(seed, ids, block, copies=draws)
        ball = self.threat_model.with_epsilon(epsilon)
        draws = tf.cast(draws, tf.int32)
        copies = tf.concat([[draws], tf.ones_like(tf.shape(x)[1:])], 0)
        points = self.draw(ball, tf.tile(x, copies), noise)
        return tf.reshape(points, tf.concat([[draws], tf.shape(x)], 0))


def _margins(model: Any) -> Callable:
    return lambda x, labels: margin(labels, model(x, training=False))


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class UniformNoise(NoiseAttack):
    """Points uniform in the ball; the worst of several draws.

    Args:
        threat_model: ball and box.
        num_draws: points tried per example, at least 1; default 10. A draw
            that breaks an example ends its search.
        seed: in [0, 2**32); default 0.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("num_draws", self.num_draws, minimum=1)
        check_threat_model(self.threat_model)
        check_seed(self.seed)

    def draw(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class."""
        return ball.random_start(x, noise)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class CorrelatedNoise(NoiseAttack):
    """Long-range correlated noise on the sphere; the worst of several draws.

    A Gaussian field of covariance exp(-distance / decay_length), channels
    independent, scaled to norm epsilon, then clipped to the box.

    Args:
        threat_model: ball and box.
        decay_length: zeta in pixels, positive; towards 0 it is white noise.
            Default 4 (ours).
        num_draws: points tried per example, at least 1; default 10.
        seed: in [0, 2**32); default 0.

    References:
        Roth et al., 2018, https://arxiv.org/abs/1805.08736
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    decay_length: float = 4.0
    num_draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("num_draws", self.num_draws, minimum=1)
        check_positive("decay_length", self.decay_length)
        check_threat_model(self.threat_model)
        check_seed(self.seed)

    def draw(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class."""
        if x.shape.rank != 4:
            raise ValueError(
                "Correlated noise needs images of (height, width, channels). "
                f"Received: shape={tuple(x.shape[1:])}"
            )
        root = exponential_filter(x.shape[1:], self.decay_length)
        field = unit(filtered_noise(root, x, noise), ball.norm)
        return ball.clip(x + scalar(ball.epsilon, x.dtype) * field)
