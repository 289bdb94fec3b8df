"""Manifold-aware training: features that cluster around fixed centres.

Manifold-aware training: increase adversarial robustness with feature
clustering, 2020
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.step import Terms
from tfrobust.layers.features import feature_layer
from tfrobust.layers.features import with_features
from tfrobust.layers.max_mahalanobis import max_mahalanobis_head
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import FeatureForward
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import inner_product
from tfrobust.ops.norms import squared_l2_norm
from tfrobust.ops.sampling import Noise


def cosine_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return 1 - cos(a, b) of each row, in [0, 2], shape (batch,)."""
    return 1.0 - inner_product(_direction(a), _direction(b))


def second_order_loss(features: tf.Tensor, center: tf.Tensor) -> tf.Tensor:
    """Return SO, the squared gradient of the cosine distance by features.

    In closed form (1 - cos^2) / ||phi||^2: it needs no second pass.
    """
    cosine = 1.0 - cosine_distance(features, center)
    size = tf.maximum(squared_l2_norm(features), _TINY)
    return (1.0 - tf.square(cosine)) / size


_TINY = 1e-12


def _direction(a: tf.Tensor) -> tf.Tensor:
    """Return rows of length 1; a row of zeros stays, and has a gradient."""
    size = tf.maximum(squared_l2_norm(a), _TINY)
    return a * tf.math.rsqrt(size)[:, None]


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class FeatureDistance(Objective):
    """1 - cos(phi(x), phi(x')): what BIBO maximises (eq. 8).

    Value and gradient vanish at x' = x: start the ascent somewhere else.
    """

    @property
    def moves_at_clean(self) -> bool:
        """No: value and gradient vanish there."""
        return False

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        both = with_features(classifier)
        clean = tf.stop_gradient(FeatureForward(both, x).features)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            forward = FeatureForward(both, x_adv)
            return cosine_distance(clean, forward.features), forward.logits

        return score


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class ManifoldLoss(Objective):
    """FTC + alpha * SO + beta * (1 - cos(phi(x), phi(x'))), all at x'.

    MAT's adaptive attack (the paper's section 4.4); the clean features are
    fixed.

    Args:
        alpha, beta: those of the defense.
    """

    alpha: float
    beta: float

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        both = with_features(classifier)
        center = _centers(classifier, labels)
        clean = tf.stop_gradient(FeatureForward(both, x).features)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            forward = FeatureForward(both, x_adv)
            features = forward.features
            values = cosine_distance(features, center)
            values += self.alpha * second_order_loss(features, center)
            values += self.beta * cosine_distance(clean, features)
            return values, forward.logits

        return score


def _centers(classifier: keras.Model, labels: tf.Tensor) -> tf.Tensor:
    """Return the centre of each label, shape (batch, width)."""
    head = max_mahalanobis_head(classifier)
    return tf.gather(tf.convert_to_tensor(head.centers), labels)


@keras.saving.register_keras_serializable("tfrobust.defenses")
class MAT(InnerMaximization):
    """FTC + alpha * SO + beta * BIBO (eq. 9).

    FTC = 1 - cos(phi(x), mu_y) draws features to their class's centre, SO is
    the squared gradient of FTC by the features, BIBO = max 1 - cos(phi(x),
    phi(x')) in the ball. SO can be lowered by longer features alone, which
    makes gradients vanish: evaluate with `adaptive_objective`. Gradients flow
    through phi(x) and phi(x') (ours). The compiled loss is what `evaluate`
    reports and nothing else.

    Args:
        classifier: one that ends in `MaxMahalanobisHead` after a linear
            layer "features"; see `tfrobust.layers.with_max_mahalanobis_head`.
        epsilon: radius in input units, non-negative. Authors: 0.3 (MNIST),
            8 / 255 (CIFAR-10).
        alpha: of SO, non-negative; default 1 (ours; the authors' is lost).
        beta: of BIBO, non-negative; default 1 (ours; the authors' is lost).
        **kwargs: norm, step_size, num_steps and random_start (required, for
            value and gradient of BIBO vanish at x) as `InnerMaximization`,
            the rest as `RobustModel`.

    Raises:
        ValueError: for a classifier without that head or with features that
            an activation has bent.
    """

    loss_terms = ("cosine_loss", "second_order_loss", "feature_distance")
    makes = ("attack", "objective")

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        alpha: float = 1.0,
        beta: float = 1.0,
        **kwargs: Any,
    ) -> None:
        check_non_negative("alpha", alpha)
        check_non_negative("beta", beta)
        max_mahalanobis_head(classifier)
        _check_linear_features(classifier)
        super().__init__(
            classifier, epsilon=epsilon, objective=FeatureDistance(), **kwargs
        )
        self.alpha = alpha
        self.beta = beta

    @property
    def own_objective(self) -> Objective:
        """See base class; all three terms, as the authors attack it."""
        return ManifoldLoss(self.alpha, self.beta)

    def forward(self, x: tf.Tensor) -> FeatureForward:
        """See base class; the features are kept."""
        return FeatureForward(with_features(self.classifier), x, training=True)

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class; with beta = 0 nobody looks at x'."""
        return x if self.beta == 0 else super().perturb(x, y, noise)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        features = forward.features  # type: ignore[attr-defined]
        center = _centers(self.classifier, y)
        moved = tf.zeros_like(features[:, 0])
        if self.beta > 0:
            moved = cosine_distance(features, self.forward(x_adv).features)
        terms = {
            "cosine_loss": cosine_distance(features, center),
            "second_order_loss": self.alpha
            * second_order_loss(features, center),
            "feature_distance": self.beta * moved,
        }
        return terms, forward.logits


def _check_linear_features(classifier: keras.Model) -> None:
    layer = feature_layer(classifier)
    linear = keras.activations.linear
    is_dense = isinstance(layer, keras.layers.Dense)
    read = classifier.layers[-1].input is layer.output
    if not is_dense or not read or layer.activation is not linear:
        raise ValueError(
            "MAT needs linear features, or the last class can't be reached; "
            "use tfrobust.layers.with_max_mahalanobis_head(classifier). "
            f"Received: features from {type(layer).__name__}, the head "
            + ("reads them" if read else "reads something else")
        )
