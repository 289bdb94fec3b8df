"""Random noise: the attack that asks nothing of the model but its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_seed
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class UniformNoise(Attack):
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
        draw_margin = self._compiled(classifier, x)
        found = x.numpy()
        worst = np.full(len(found), -np.inf)
        standing = np.arange(len(found))
        for draw in range(self.num_draws):
            rows = (tf.gather(t, standing) for t in (x, labels, example_ids))
            points, values = draw_margin(
                *rows,
                tf.constant(self.seed, tf.int64),
                tf.constant(draw, tf.int64),
                tf.constant(self.threat_model.epsilon, x.dtype),
            )
            values = values.numpy()
            worse = values > worst[standing]
            found[standing[worse]] = points.numpy()[worse]
            worst[standing[worse]] = values[worse]
            standing = standing[values <= 0]
            if not standing.size:
                break
        return found

    def _compiled(self, classifier: Any, x: tf.Tensor) -> Callable:
        shape = self.threat_model.with_epsilon(0.0)
        rows = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        ints, count = (
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((), tf.int64),
        )

        def build(model: Any) -> Callable:
            def draw_margin(
                x: tf.Tensor,
                labels: tf.Tensor,
                ids: tf.Tensor,
                seed: tf.Tensor,
                draw: tf.Tensor,
                epsilon: tf.Tensor,
            ) -> tuple[tf.Tensor, tf.Tensor]:
                noise = ExampleNoise(seed, ids, draw)
                ball = shape.with_epsilon(epsilon)
                points = ball.random_start(x, noise)
                return points, margin(labels, model(points, training=False))

            return draw_margin

        scalar = tf.TensorSpec((), x.dtype)
        return compiled(
            classifier,
            ("noise", shape, rows),
            build,
            [rows, ints, ints, count, count, scalar],
        )
