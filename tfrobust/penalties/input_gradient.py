"""Penalties on the input gradient of the cross-entropy."""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.objectives import cross_entropy
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import l1_norm
from tfrobust.ops.norms import squared_l2_norm
from tfrobust.penalties.base import Penalty


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class SquaredGradientNorm(Penalty):
    """(weight / 2) * ||dL(x)||_2^2, also called double backpropagation.

    L is the cross-entropy, whatever loss is compiled.

    Args:
        weight: lambda, non-negative; in units of a loss over a squared
            gradient, so it depends on the scale of the inputs.

    References:
        Drucker and Le Cun, 1992; Ross and Doshi-Velez, 2018,
        https://arxiv.org/abs/1711.09404
    """

    weight: float

    def __post_init__(self) -> None:
        check_non_negative("weight", self.weight)

    @property
    def name(self) -> str:
        """See base class."""
        return "squared_gradient_norm"

    def __call__(self, y: tf.Tensor, forward: Forward) -> tf.Tensor:
        """See base class."""
        gradient = forward.gradient(cross_entropy, y)
        return 0.5 * self.weight * squared_l2_norm(gradient)


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class GradientL1Norm(Penalty):
    """weight * ||dL(x)||_1: first-order l1 regularisation.

    L is the cross-entropy, whatever loss is compiled.

    Args:
        weight: lambda, non-negative.

    References:
        Simon-Gabriel et al., 2019, https://arxiv.org/abs/1802.01421
    """

    weight: float

    def __post_init__(self) -> None:
        check_non_negative("weight", self.weight)

    @property
    def name(self) -> str:
        """See base class."""
        return "gradient_l1_norm"

    def __call__(self, y: tf.Tensor, forward: Forward) -> tf.Tensor:
        """See base class."""
        gradient = forward.gradient(cross_entropy, y)
        return self.weight * l1_norm(gradient)
