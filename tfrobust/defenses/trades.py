"""TRADES: a penalty on how far predictions move inside the ball.

Zhang et al., 2019, Theoretically principled trade-off between robustness and
accuracy, https://arxiv.org/abs/1901.08573
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.attacks.starts import GaussianStart
from tfrobust.attacks.starts import Start
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.step import Terms
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import kl_divergence
from tfrobust.objectives import KLDivergence
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.sampling import Noise


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class TradesLoss(Objective):
    """L(x', y) + beta * KL(p(x) || p(x')): what TRADES trained with, at x'.

    Args:
        beta: that of the defense.
    """

    beta: float

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        divergence = KLDivergence()(classifier, x, labels)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, logits = divergence(x_adv)
            return cross_entropy(labels, logits) + self.beta * values, logits

        return score


@keras.saving.register_keras_serializable("tfrobust.defenses")
class TRADES(InnerMaximization):
    """L(x, y) + beta * KL(p(x) || p(x')), x' from PGD on the KL.

    Gradients flow through both predictions, as in the authors' code. The
    inner loop runs the network in inference mode, the outer loss in training
    mode: with batch statistics they are taken twice a step, at x and at x'.
    With beta = 0 this is plain training, and costs no more.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative. Authors: 0.3 (MNIST),
            0.031 (CIFAR-10).
        beta: weight of the KL term, non-negative; default 6 (authors, on
            CIFAR-10; 1 on MNIST).
        random_start: default `GaussianStart(0.001)`, the authors'. Required,
            for value and gradient of the KL vanish at x.
        **kwargs: norm, step_size (authors: 0.01 on MNIST, 0.007 on CIFAR-10)
            and num_steps (40, 10) as `InnerMaximization`, the rest as
            `RobustModel`.
    """

    loss_terms = ("classification_loss", "kl_divergence")
    makes = ("attack", "objective")

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        beta: float = 6.0,
        random_start: Start = GaussianStart(),
        **kwargs: Any,
    ) -> None:
        check_non_negative("beta", beta)
        super().__init__(
            classifier,
            epsilon=epsilon,
            random_start=random_start,
            objective=KLDivergence(),
            **kwargs,
        )
        self.beta = beta

    @property
    def own_objective(self) -> Objective:
        """See base class; L(x', y) + beta * KL(p(x) || p(x'))."""
        return TradesLoss(self.beta)

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class; with beta = 0 nobody looks at x'."""
        return x if self.beta == 0 else super().perturb(x, y, noise)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        loss = self.classification_loss(y, forward.logits)
        kl = tf.zeros_like(loss)
        if self.beta > 0:
            adv_logits = self.forward(x_adv).logits
            kl = self.beta * kl_divergence(forward.logits, adv_logits)
        terms = {"classification_loss": loss, "kl_divergence": kl}
        return terms, forward.logits
