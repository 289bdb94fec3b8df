"""Random noise: the attacks that ask nothing of the model but its answers."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.covariances import StationaryCovariance
from tfrobust.attacks.working_set import tell
from tfrobust.attacks.working_set import work
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.ops.hashing import HashedNoise
from tfrobust.ops.norms import scalar
from tfrobust.ops.norms import unit
from tfrobust.ops.random_fields import check_correlation
from tfrobust.ops.random_fields import exponential_field
from tfrobust.ops.sampling import Noise
from tfrobust.threat_model import NormBall


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

    @property
    def most_work(self) -> int:
        """See base class."""
        return work(self.num_draws, ("forward",))

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class."""
        try_draw = self._compiled(classifier, x)
        seed = tf.constant(self.seed, tf.int64)
        epsilon = tf.constant(self.threat_model.epsilon, x.dtype)
        found = x.numpy()
        worst = np.full(len(found), -np.inf)
        standing = np.arange(len(found))
        rows = [x, labels, example_ids]
        for draw in range(self.num_draws):
            tell(len(standing), 1, ("forward",))
            key = tf.constant(draw, tf.int64)
            points, margins = try_draw(*rows, seed, key, epsilon)
            values = margins.numpy()
            worse = values > worst[standing]
            found[standing[worse]] = points.numpy()[worse]
            worst[standing[worse]] = values[worse]
            stands = np.flatnonzero(~(values > 0))
            if not stands.size:
                break
            if stands.size < standing.size:
                rows = [tf.gather(row, stands) for row in rows]
                standing = standing[stands]
        return found

    def _compiled(self, classifier: Any, x: tf.Tensor) -> Callable:
        # Seed and number of draws are no part of the graph.
        changes: dict[str, Any] = {"num_draws": 1, "seed": 0}
        shape = dataclasses.replace(  # type: ignore[type-var]
            self.with_radius(0.0), **changes
        )
        rows = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        ints = tf.TensorSpec((None,), tf.int64)
        integer = tf.TensorSpec((), tf.int64)
        return compiled(
            classifier,
            ("noise", shape, rows),
            shape._try_draw,
            [rows, ints, ints, integer, integer, tf.TensorSpec((), x.dtype)],
        )

    def _try_draw(self, model: Any) -> Callable:
        """Return draw -> (points, margins); one graph, for both are cheap."""

        def try_draw(
            x: tf.Tensor,
            labels: tf.Tensor,
            ids: tf.Tensor,
            seed: tf.Tensor,
            draw: tf.Tensor,
            epsilon: tf.Tensor,
        ) -> tuple[tf.Tensor, tf.Tensor]:
            ball = self.threat_model.with_epsilon(epsilon)
            points = self.draw(ball, x, HashedNoise(seed, ids, draw))
            return points, margin(labels, model(points, training=False))

        return try_draw


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

    A Gaussian field of covariance rho[c, d] * exp(-distance / decay_length)
    between channels c and d of two pixels, or of any other, scaled to norm
    epsilon, then clipped to the box.

    Args:
        threat_model: ball and box.
        decay_length: zeta in pixels, positive; towards 0 it is white noise.
            Default 4 (ours).
        channel_correlation: rho, rows of a (C, C) correlation matrix;
            default the identity, channels independent.
        covariance: any covariance function, instead of these two.
        num_draws: points tried per example, at least 1; default 10. A draw
            that breaks an example ends its search.
        seed: in [0, 2**32); default 0.

    References:
        Roth et al., 2018, https://arxiv.org/abs/1805.08736
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    decay_length: float = 4.0
    channel_correlation: Sequence[Sequence[float]] | None = None
    covariance: StationaryCovariance | None = None
    num_draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("num_draws", self.num_draws, minimum=1)
        check_positive("decay_length", self.decay_length)
        check_threat_model(self.threat_model)
        check_seed(self.seed)
        if self.covariance is not None:
            check_type(
                "covariance",
                self.covariance,
                StationaryCovariance,
                example="StationaryCovariance(kernel)",
            )
        if self.covariance is not None and self.channel_correlation is not None:
            raise ValueError(
                "A covariance has its own correlation of channels; give "
                "`covariance` or `channel_correlation`, not both."
            )
        if self.channel_correlation is not None:
            rho = np.asarray(self.channel_correlation, np.float64)
            rows = check_correlation(rho, len(np.atleast_1d(rho))).tolist()
            hashable = tuple(map(tuple, rows))
            object.__setattr__(self, "channel_correlation", hashable)

    def draw(self, ball: NormBall, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class."""
        if x.shape.rank != 4:
            raise ValueError(
                "Correlated noise needs images of (height, width, channels). "
                f"Received: shape={tuple(x.shape[1:])}"
            )
        field = unit(self._field(x, noise), ball.norm)
        return ball.clip(x + scalar(ball.epsilon, x.dtype) * field)

    def description(self) -> dict[str, Any]:
        """See base class; without what a covariance stands for."""
        found = super().description()
        if self.covariance is not None:
            del found["decay_length"], found["channel_correlation"]
        return found

    def _field(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        if self.covariance is not None:
            return self.covariance.sample(x, noise)
        rho = self.channel_correlation
        return exponential_field(x.shape[1:], self.decay_length, rho)(x, noise)
