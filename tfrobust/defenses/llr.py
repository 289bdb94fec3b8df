"""Local linearity regularisation.

Qin et al., 2019, Adversarial robustness through local linearization,
https://arxiv.org/abs/1907.02610
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.step import Terms
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import LinearityError
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import inner_product
from tfrobust.ops.sampling import Noise


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class LinearityLoss(Objective):
    """L(x', y) + weight * gamma(x'), the clean point fixed.

    Args:
        weight: that of the defense.
    """

    weight: float

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        error = LinearityError()(classifier, x, labels)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, logits = error(x_adv)
            loss = cross_entropy(labels, logits)
            return loss + self.weight * values, logits

        return score


@keras.saving.register_keras_serializable("tfrobust.defenses")
class LLR(InnerMaximization):
    """L(x, y) + weight * gamma + slope_weight * |d . dL(x)| (eq. 9).

    gamma = |L(x + d) - L(x) - d . dL(x)| at the d that PGD finds to make it
    largest. Both weights 0: plain training at its cost. The inner loop runs
    the network in inference mode, the outer terms in training mode.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative.
        weight: lambda, of gamma; default 4, as Xu et al. (2020) have it on
            MNIST.
        slope_weight: mu; default 3, likewise.
        **kwargs: norm, step_size, num_steps and random_start (required, for
            value and gradient of gamma vanish at x) as `InnerMaximization`,
            the rest as `RobustModel`.
    """

    loss_terms = ("classification_loss", "linearity_error", "slope")
    second_order = True
    makes = ("attack", "objective")

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        weight: float = 4.0,
        slope_weight: float = 3.0,
        **kwargs: Any,
    ) -> None:
        check_non_negative("weight", weight)
        check_non_negative("slope_weight", slope_weight)
        super().__init__(
            classifier, epsilon=epsilon, objective=LinearityError(), **kwargs
        )
        self.weight = weight
        self.slope_weight = slope_weight

    @property
    def own_objective(self) -> Objective:
        """See base class; loss and linearity error at x'."""
        return LinearityLoss(self.weight)

    @property
    def _plain(self) -> bool:
        return self.weight == 0 and self.slope_weight == 0

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class; with both weights 0 nobody looks at x'."""
        return x if self._plain else super().perturb(x, y, noise)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        loss = self.classification_loss(y, forward.logits)
        error = slope = tf.zeros_like(loss)
        if not self._plain:
            gradient = forward.gradient(cross_entropy, y)
            slope = inner_product(x_adv - forward.x, gradient)
            moved = cross_entropy(y, self.forward(x_adv).logits)
            error = tf.abs(moved - cross_entropy(y, forward.logits) - slope)
        terms = {
            "classification_loss": loss,
            "linearity_error": self.weight * error,
            "slope": self.slope_weight * tf.abs(slope),
        }
        return terms, forward.logits
