"""Adversarial weight perturbation (AWP).

Wu, Xia and Wang, 2020, Adversarial weight perturbation helps robust
generalization, https://arxiv.org/abs/2004.05884
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.ops.norms import scalar
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class WeightPerturbation(Configurable):
    """Take each step's gradient where the weights are at their worst nearby.

    Each kernel w moves by v = radius * ||w|| * g / ||g||, g the gradient of
    the defense's own loss (eq. 8-10, one step); the gradient at w + v then
    updates w. Biases and scales stay, as in the authors' code. It doubles the
    outer part of a step. Statistics of layers move at w only, and so do the
    states of penalties; dropout masks differ between the two passes.

    From the first step on it can keep training from beginning at all: the
    authors start after ten epochs, and `WarmUp(weight_epochs=...)` lets the
    radius grow.

    Args:
        radius: gamma, relative to a kernel's norm, non-negative. Authors:
            0.01 with adversarial training, 0.005 with TRADES.
    """

    radius: float = 0.01

    def __post_init__(self) -> None:
        check_non_negative("radius", self.radius)

    def __call__(
        self,
        weights: Sequence[Any],
        gradients: Sequence[tf.Tensor | None],
        *,
        scale: Any = 1.0,
    ) -> list[tf.Tensor]:
        """Return the moved weights.

        Args:
            weights: trainable weights.
            gradients: of the loss, each replica's own share.
            scale: of the radius, a number or scalar; default 1.
        """
        gradients = [
            tf.zeros_like(w) if g is None else tf.convert_to_tensor(g)
            for w, g in zip(weights, gradients, strict=True)
        ]
        replicas = tf.distribute.get_replica_context()
        if replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(
                tf.distribute.ReduceOp.SUM, gradients
            )
        return [
            self._moved(tf.convert_to_tensor(w), g, scale)
            if len(w.shape) > 1
            else tf.convert_to_tensor(w)
            for w, g in zip(weights, gradients, strict=True)
        ]

    def _moved(
        self, weight: tf.Tensor, gradient: tf.Tensor, scale: Any
    ) -> tf.Tensor:
        direction = tf.math.divide_no_nan(gradient, tf.norm(gradient))
        radius = scalar(self.radius, weight.dtype) * scalar(scale, weight.dtype)
        return weight + radius * tf.norm(weight) * direction
