"""Misclassification-aware adversarial training.

Wang et al., 2020, Improving adversarial robustness requires revisiting
misclassified examples, ICLR, https://openreview.net/forum?id=rklOg6EFwS
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
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import at_least_float32


def boosted_cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return -log p_y - log(1 - max_{k != y} p_k), shape (batch,); eq. (8)."""
    is_y = tf.one_hot(y, logits.shape[1], on_value=True, off_value=False)
    minus = tf.constant(-float("inf"), logits.dtype)
    rival = tf.argmax(tf.where(is_y, minus, logits), axis=1)
    is_rival = tf.one_hot(
        rival, logits.shape[1], on_value=True, off_value=False
    )
    # 1 - p_k from the other logits: p_k itself may round to 1.
    others = tf.reduce_logsumexp(tf.where(is_rival, minus, logits), axis=1)
    complement = others - tf.reduce_logsumexp(logits, axis=1)
    return cross_entropy(y, logits) - complement


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class MartLoss(Objective):
    """BCE(x', y) + beta * KL(p(x) || p(x')) * (1 - p_y(x)), at x'.

    Args:
        beta: that of the defense.
    """

    beta: float

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        clean = tf.stop_gradient(classifier(x, training=False))
        missing = 1.0 - tf.exp(-cross_entropy(labels, clean))

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            kl = kl_divergence(clean, logits) * missing
            boosted = boosted_cross_entropy(labels, at_least_float32(logits))
            return boosted + self.beta * kl, logits

        return score


@keras.saving.register_keras_serializable("tfrobust.defenses")
class MART(InnerMaximization):
    """BCE(x', y) + beta * KL(p(x) || p(x')) * (1 - p_y(x)) (eq. 11).

    BCE adds to the cross-entropy a margin of the strongest rival; the KL
    counts most where the clean example is misclassified. x' ascends the
    cross-entropy. Gradients flow through both branches, as in the authors'
    code. The compiled loss is what `evaluate` reports and nothing else.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative.
        beta: lambda of the paper, non-negative; default 5 (authors).
        random_start: default `GaussianStart(0.001)`, that of their code.
        **kwargs: norm, step_size and num_steps (authors: 10) as
            `InnerMaximization`, the rest as `RobustModel`.
    """

    loss_terms = ("boosted_cross_entropy", "weighted_kl_divergence")
    makes = ("attack", "objective")

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        beta: float = 5.0,
        random_start: Start | None = GaussianStart(),
        **kwargs: Any,
    ) -> None:
        check_non_negative("beta", beta)
        super().__init__(
            classifier, epsilon=epsilon, random_start=random_start, **kwargs
        )
        self.beta = beta

    @property
    def own_objective(self) -> Objective:
        """See base class; the two terms, the clean prediction fixed."""
        return MartLoss(self.beta)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        adv_logits = self.forward(x_adv).logits
        kl = tf.zeros_like(adv_logits[:, 0])
        if self.beta > 0:
            own = tf.exp(-cross_entropy(y, forward.logits))
            kl = kl_divergence(forward.logits, adv_logits) * (1.0 - own)
        terms = {
            "boosted_cross_entropy": boosted_cross_entropy(y, adv_logits),
            "weighted_kl_divergence": self.beta * kl,
        }
        return terms, adv_logits
