"""Local flatness regularisation.

Xu, Li, Jiang and Xia, 2020, Adversarial defense via local flatness
regularization, ICIP, https://arxiv.org/abs/1910.12165
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfrobust.attacks.starts import GaussianStart
from tfrobust.attacks.starts import Start
from tfrobust.defenses.adaptive import DefenseLoss
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.step import Terms
from tfrobust.objectives import GradientNorm
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.sampling import Noise
from tfrobust.penalties.input_gradient import GradientL1Norm


@keras.saving.register_keras_serializable("tfrobust.defenses")
class LFR(InnerMaximization):
    """L(x, y) + weight * ||dL(x')||_1, x' where that norm is largest (eq. 4).

    x' comes from an l-infinity ascent on the gradient norm itself: every
    inner step is second order. With epsilon = 0 this is first-order l1
    regularisation (Theorem 2); with weight = 0, plain training at its cost.
    The inner loop runs the network in inference mode, the outer terms in
    training mode, cross-example terms of batch statistics included.

    Args:
        classifier: see `RobustModel`; twice differentiable activations give
            the penalty's own curvature a gradient, ReLU does not.
        epsilon: radius in input units, non-negative; authors: 0.3 on MNIST.
        weight: lambda, non-negative; default 0.02 (authors, MNIST).
        num_steps: of the inner ascent; default 40 (authors, MNIST).
        random_start: default `GaussianStart(0.001)`, the authors'.
        inner_objective: what the inner steps ascend; default
            `GradientNorm(norm=1)`, eq. (3). `CrossEntropy()`, plain PGD, is
            our cheaper variant.
        **kwargs: step_size (authors: 0.01 on MNIST) as `InnerMaximization`,
            the rest as `RobustModel`.

    Example:

    >>> classifier = tfrobust.architectures.dense_network((4,), 3)
    >>> LFR(classifier, epsilon=0.3).loss_terms
    ('classification_loss', 'flatness')
    """

    loss_terms = ("classification_loss", "flatness")
    second_order = True
    makes = ("attack", "norm", "objective")

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        weight: float = 0.02,
        num_steps: int = 40,
        random_start: Start | None = GaussianStart(),
        inner_objective: Objective = GradientNorm(),
        **kwargs: Any,
    ) -> None:
        flatness = GradientL1Norm(weight)
        super().__init__(
            classifier,
            epsilon=epsilon,
            norm="inf",
            num_steps=num_steps,
            random_start=random_start,
            objective=inner_objective,
            **kwargs,
        )
        self._flatness = flatness
        self.weight = weight
        self.inner_objective = inner_objective

    @property
    def own_objective(self) -> Objective:
        """See base class; the flatness term is taken at x' as well."""
        return DefenseLoss(self.training_objective, (self._flatness,))

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class; with weight 0 nobody looks at x'."""
        return x if self.weight == 0 else super().perturb(x, y, noise)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        loss = self.classification_loss(y, forward.logits)
        flatness = tf.zeros_like(loss)
        if self.weight > 0:
            flatness = self._flatness(y, self.forward(x_adv))
        terms = {"classification_loss": loss, "flatness": flatness}
        return terms, forward.logits
