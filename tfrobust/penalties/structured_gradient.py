"""Structured gradient regularisation.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_type
from tfrobust.layers.perturbation_covariance import PerturbationCovariance
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import LABEL_SOURCES
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.sampling import Noise
from tfrobust.penalties.base import Penalty
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class GradientPerturbation(Configurable):
    """xi = dL(x), the gradient of the cross-entropy itself.

    With true labels it is the penalty's own gradient and costs nothing.
    """

    def __call__(
        self, labels: tf.Tensor, forward: Forward, noise: Noise
    ) -> tf.Tensor:
        """Return perturbations of `forward.x` for these classes."""
        del noise
        return forward.gradient(cross_entropy, labels)


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class SignPerturbation(Configurable):
    """xi = sign(dL(x)); with true labels it costs nothing."""

    def __call__(
        self, labels: tf.Tensor, forward: Forward, noise: Noise
    ) -> tf.Tensor:
        """Return perturbations of `forward.x` for these classes."""
        del noise
        return tf.sign(forward.gradient(cross_entropy, labels))


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class StructuredGradient(Penalty):
    """(weight / 2) * d' Sigma d, d = the gradient of log p_y at x (eq. 11).

    A step's penalty uses Sigma as it was before the step.

    Args:
        weight: lambda, non-negative.
        covariance: a `PerturbationCovariance` layer, learned or fixed.
        perturbation: where a learned one gets its perturbations: a function
            `(labels, forward, noise) -> xi`; default
            `GradientPerturbation()`.
        label_source: "true" (default) or "predicted": the class that
            perturbations are made for; the latter against label leaking, at
            the cost of a gradient.
    """

    weight: float
    covariance: PerturbationCovariance
    perturbation: Any = GradientPerturbation()
    label_source: str = "true"

    def __post_init__(self) -> None:
        check_non_negative("weight", self.weight)
        check_choice("label_source", self.label_source, tuple(LABEL_SOURCES))
        if not callable(self.perturbation):
            raise ValueError(
                "`perturbation` must be a source of perturbations, such as "
                "GradientPerturbation(). "
                f"Received: perturbation={self.perturbation!r}"
            )
        check_type(
            "covariance",
            self.covariance,
            PerturbationCovariance,
            example="tfrobust.layers.CovarianceFunction((28, 28, 1))",
        )

    @property
    def name(self) -> str:
        """See base class."""
        return "structured_gradient"

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        """See base class."""
        return (self.covariance,)

    def __call__(self, y: tf.Tensor, forward: Forward) -> tf.Tensor:
        """See base class."""
        # The gradient of -log p_y: the form doesn't mind the sign.
        gradient = forward.gradient(cross_entropy, y)
        return 0.5 * self.weight * self.covariance.quadratic_form(gradient)

    def update_state(
        self,
        y: tf.Tensor,
        forward: Forward,
        noise: Noise,
        total_rows: tf.Tensor | None = None,
    ) -> None:
        """See base class."""
        if self.covariance.fixed:
            return
        labels = LABEL_SOURCES[self.label_source](y, lambda: forward.logits)
        xi = self.perturbation(labels, forward, noise)
        self.covariance.update_state(xi, total_rows)
