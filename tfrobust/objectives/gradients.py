"""Objectives of second order: they differentiate the loss at x'."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.objectives.base import Objective
from tfrobust.objectives.scores import cross_entropy
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import inner_product
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import norm
from tfrobust.ops.norms import NORMS


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class GradientNorm(Objective):
    """The norm of cross-entropy's input gradient at x': second order.

    LFR's inner objective, with the l1 norm; eq. (3).

    Args:
        norm: 1 (default), 2 or "inf". 2 is the norm itself, not its square.

    References:
        Xu et al., 2020, local flatness regularization, ICIP
    """

    norm: Norm = 1

    def __post_init__(self) -> None:
        check_choice("norm", self.norm, NORMS)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            forward = Forward(classifier, x_adv)
            gradient = forward.gradient(cross_entropy, labels)
            return norm(gradient, self.norm), forward.logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class LinearityError(Objective):
    """|L(x + d) - L(x) - d . dL(x)|, how far the loss is from linear.

    LLR's inner objective. Value and gradient vanish at d = 0: start the
    ascent somewhere else. The clean part is computed once and is constant.

    References:
        Qin et al., 2019, https://arxiv.org/abs/1907.02610, eq. (4)
    """

    @property
    def moves_at_clean(self) -> bool:
        """No: value and gradient vanish there."""
        return False

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        clean = Forward(classifier, x)
        gradient = tf.stop_gradient(clean.gradient(cross_entropy, labels))
        loss = tf.stop_gradient(cross_entropy(labels, clean.logits))

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            along = inner_product(x_adv - x, gradient)
            predicted = loss + tf.cast(along, loss.dtype)
            return tf.abs(cross_entropy(labels, logits) - predicted), logits

        return score
