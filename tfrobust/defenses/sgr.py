"""Structured gradient regularisation, as a defense.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736
"""

from __future__ import annotations

import dataclasses
from typing import Any
from typing import cast

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks.deepfool import minimal_perturbation
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.defenses.penalized import PenalizedModel
from tfrobust.layers.perturbation_covariance import PerturbationCovariance
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.sampling import Noise
from tfrobust.penalties.structured_gradient import GradientPerturbation
from tfrobust.penalties.structured_gradient import StructuredGradient
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class AttackPerturbation(Configurable):
    """xi = x' - x, x' the last iterate of an attack.

    Args:
        attack: a `GradientAttack`, such as `FGSM(ball)` or `PGD(ball)`.
    """

    attack: GradientAttack

    def __post_init__(self) -> None:
        check_type("attack", self.attack, GradientAttack, example="FGSM(ball)")

    def __call__(
        self, labels: tf.Tensor, forward: Forward, noise: Noise
    ) -> tf.Tensor:
        """Return perturbations of `forward.x` for these classes."""
        x = forward.x
        return self.attack.perturb(forward.classifier, x, labels, noise) - x


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class DeepFoolPerturbation(Configurable):
    """xi = DeepFool's l2 perturbation; zero for a misclassified example.

    Args:
        num_steps: linearisations, at least 1; default 3 (ours; the authors'
            is lost).
    """

    num_steps: int = 3

    def __post_init__(self) -> None:
        check_integer("num_steps", self.num_steps, minimum=1)

    def __call__(
        self, labels: tf.Tensor, forward: Forward, noise: Noise
    ) -> tf.Tensor:
        """Return perturbations of `forward.x` for these classes."""
        del noise
        return minimal_perturbation(
            forward.classifier, forward.x, labels, num_steps=self.num_steps
        )


@keras.saving.register_keras_serializable("tfrobust.defenses")
class SGR(PenalizedModel):
    """L(x, y) + (weight / 2) * d' Sigma d, d = the gradient of log p_y at x.

    Sigma is the covariance of perturbations, learned while training or fixed
    by the user. Sigma = I is `GradientNorm`. A step's penalty uses Sigma as
    it was before the step; a learned one starts at zero, so the first step
    has no penalty.

    Args:
        classifier: see `RobustModel`.
        weight: lambda, non-negative; required (the authors' is lost).
        covariance: a `tfrobust.layers.CovarianceFunction` or
            `FullCovariance`.
        perturbation: what a learned one learns from: `GradientPerturbation()`
            (default), `SignPerturbation()`, `AttackPerturbation(attack)`,
            `DeepFoolPerturbation()`.
        perturbation_label_source: "true" (default, the gradient is then the
            penalty's own) or "predicted" (the authors').
        **kwargs: as `RobustModel`; `penalties` are added, `attack` moves L.

    Example:

    >>> classifier = tfrobust.architectures.dense_network((4,), 3)
    >>> sigma = tfrobust.layers.FullCovariance((4,))
    >>> [p.name for p in SGR(
    ...     classifier, weight=0.1, covariance=sigma).penalties]
    ['structured_gradient']
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        weight: float,
        covariance: PerturbationCovariance,
        perturbation: Any = GradientPerturbation(),
        perturbation_label_source: str = "true",
        **kwargs: Any,
    ) -> None:
        source = perturbation
        moved = kwargs.get("input_transform") is not None
        outside = moved or kwargs.get("bounds", ()) is None
        if outside and isinstance(source, AttackPerturbation):
            # x may have left the box: there is none for x' either.
            source = AttackPerturbation(source.attack.without_bounds())
        own = StructuredGradient(
            weight, covariance, source, perturbation_label_source
        )
        shape = tuple(classifier.input_shape[1:])
        if covariance.image_shape != shape:
            raise ValueError(
                "`covariance` must be one of the classifier's images, of "
                f"shape {shape}. "
                f"Received: image_shape={covariance.image_shape}"
            )
        super().__init__(classifier, own=own, **kwargs)
        self.perturbation = perturbation
        self.perturbation_label_source = perturbation_label_source

    @property
    def covariance(self) -> PerturbationCovariance:
        """Sigma; a layer of the model unless the weight is 0."""
        return cast(StructuredGradient, self.own).covariance
