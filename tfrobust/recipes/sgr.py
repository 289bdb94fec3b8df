"""SGR's variants by name."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.defenses import AttackPerturbation
from tfrobust.defenses import DeepFoolPerturbation
from tfrobust.defenses import SGR
from tfrobust.layers import CovarianceFunction
from tfrobust.layers import FullCovariance
from tfrobust.layers import PerturbationCovariance
from tfrobust.ops.spectral import exponential_kernel
from tfrobust.penalties import GradientPerturbation
from tfrobust.penalties import SignPerturbation
from tfrobust.threat_model import NormBall


def learned_covariance(
    classifier: keras.Model, **settings: Any
) -> PerturbationCovariance:
    """Return a covariance function; the matrix where inputs are flat."""
    shape = classifier.input_shape[1:]
    form = CovarianceFunction if len(shape) == 3 else FullCovariance
    return form(shape, **settings)


def _sgr(
    classifier: keras.Model,
    weight: float,
    decay: float,
    perturbation: Any,
    perturbation_label_source: str = "predicted",
    **arguments: Any,
) -> SGR:
    # The predicted class, against label leaking: the authors'.
    return SGR(
        classifier,
        weight=weight,
        covariance=learned_covariance(classifier, decay=decay),
        perturbation=perturbation,
        perturbation_label_source=perturbation_label_source,
        **arguments,
    )


def sgr(
    classifier: keras.Model,
    *,
    weight: float,
    decay: float = 0.99,
    **arguments: Any,
) -> SGR:
    """Return SGR that learns from loss gradients."""
    return _sgr(classifier, weight, decay, GradientPerturbation(), **arguments)


def sgr_sign(
    classifier: keras.Model,
    *,
    weight: float,
    decay: float = 0.99,
    **arguments: Any,
) -> SGR:
    """Return SGR that learns from signs of loss gradients."""
    return _sgr(classifier, weight, decay, SignPerturbation(), **arguments)


def sgr_fgsm(
    classifier: keras.Model,
    *,
    weight: float,
    epsilon: float,
    decay: float = 0.99,
    **arguments: Any,
) -> SGR:
    """Return SGR that learns from FGSM's perturbations."""
    source = AttackPerturbation(FGSM(NormBall("inf", epsilon=epsilon)))
    return _sgr(classifier, weight, decay, source, **arguments)


def sgr_pgd(
    classifier: keras.Model,
    *,
    weight: float,
    epsilon: float,
    num_steps: int = 10,
    decay: float = 0.99,
    **arguments: Any,
) -> SGR:
    """Return SGR that learns from PGD's perturbations; 10 steps are ours."""
    attack = PGD(NormBall("inf", epsilon=epsilon), num_steps=num_steps)
    source = AttackPerturbation(attack)
    return _sgr(classifier, weight, decay, source, **arguments)


def sgr_deepfool(
    classifier: keras.Model,
    *,
    weight: float,
    num_steps: int = 3,
    decay: float = 0.99,
    **arguments: Any,
) -> SGR:
    """Return SGR that learns from DeepFool's perturbations.

    `num_steps` and `decay` are ours; the paper's are lost.
    """
    source = DeepFoolPerturbation(num_steps)
    return _sgr(classifier, weight, decay, source, **arguments)


def sgr_exponential(
    classifier: keras.Model,
    *,
    weight: float,
    decay_length: float = 4.0,
    **arguments: Any,
) -> SGR:
    """Return SGR with the fixed covariance exp(-distance / decay_length).

    The default length, in pixels, is ours.
    """
    kernel = exponential_kernel(classifier.input_shape[1:], decay_length)
    sigma = CovarianceFunction(classifier.input_shape[1:], value=kernel)
    return SGR(classifier, weight=weight, covariance=sigma, **arguments)
