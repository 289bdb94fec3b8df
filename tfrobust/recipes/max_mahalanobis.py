"""Recipes that replace the head by fixed centres."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust import defenses
from tfrobust import losses
from tfrobust.layers import with_max_mahalanobis_head
from tfrobust.objectives import NextLikely
from tfrobust.objectives import Targeted
from tfrobust.objectives import TrainingLoss


def mmc(
    classifier: keras.Model,
    *,
    center_norm: float = 10.0,
    feature_width: int = 256,
    **arguments: Any,
) -> defenses.RobustModel:
    """Return the Max-Mahalanobis centre loss on its head."""
    return defenses.RobustModel(
        _headed(classifier, center_norm, feature_width), **arguments
    )


def mmc_at(
    classifier: keras.Model,
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    center_norm: float = 10.0,
    feature_width: int = 256,
    **arguments: Any,
) -> defenses.RobustModel:
    """Return MMC-AT: targeted PGD on the MMC loss.

    The target is the strongest rival (ours; the authors' is drawn).
    """
    objective = Targeted(TrainingLoss(losses.MaxMahalanobis()), NextLikely())
    return defenses.AdversarialTraining(
        _headed(classifier, center_norm, feature_width),
        epsilon=epsilon,
        step_size=step_size,
        num_steps=num_steps,
        objective=objective,
        **arguments,
    )


def mat(
    classifier: keras.Model,
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    alpha: float = 1.0,
    beta: float = 1.0,
    center_norm: float = 10.0,
    feature_width: int = 256,
    **arguments: Any,
) -> defenses.MAT:
    """Return MAT on a network with the Max-Mahalanobis head.

    `alpha`, `beta` and the attack's steps are ours, `center_norm` and
    `feature_width` MMC's; MAT's are lost.
    """
    return defenses.MAT(
        _headed(classifier, center_norm, feature_width),
        epsilon=epsilon,
        step_size=step_size,
        num_steps=num_steps,
        alpha=alpha,
        beta=beta,
        **arguments,
    )


def _headed(
    classifier: keras.Model, center_norm: float, width: int
) -> keras.Model:
    return with_max_mahalanobis_head(
        classifier, width=width, center_norm=center_norm
    )
