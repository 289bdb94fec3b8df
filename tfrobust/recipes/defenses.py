"""Names of defenses, with their papers' defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfrobust import defenses
from tfrobust.attacks.starts import UniformStart
from tfrobust.defenses import RobustModel
from tfrobust.ops.norms import Norm
from tfrobust.recipes.arguments import accepted
from tfrobust.recipes.arguments import check_settings
from tfrobust.recipes.arguments import pick


def standard(classifier: keras.Model) -> RobustModel:
    """Return plain training."""
    return RobustModel(classifier)


def adversarial_training(
    classifier: keras.Model,
    *,
    epsilon: float,
    norm: Norm = "inf",
    step_size: float | None = None,
    num_steps: int = 10,
    clean_weight: float = 0.0,
) -> RobustModel:
    """Return Madry et al.'s adversarial training."""
    return defenses.AdversarialTraining(
        classifier,
        epsilon=epsilon,
        norm=norm,
        step_size=step_size,
        num_steps=num_steps,
        clean_weight=clean_weight,
    )


def fgsm_training(
    classifier: keras.Model,
    *,
    epsilon: float,
    norm: Norm = "inf",
    clean_weight: float = 0.5,
) -> RobustModel:
    """Return FGSM training as in Roth et al.: a mixture, no random start."""
    return defenses.FGSMTraining(
        classifier, epsilon=epsilon, norm=norm, clean_weight=clean_weight
    )


def fast_fgsm_training(
    classifier: keras.Model, *, epsilon: float
) -> RobustModel:
    """Return Wong et al.'s: uniform start, one step of 1.25 epsilon."""
    return defenses.FGSMTraining(
        classifier,
        epsilon=epsilon,
        step_size=1.25 * epsilon,
        random_start=UniformStart(),
        clean_weight=0.0,
    )


def trades(
    classifier: keras.Model,
    *,
    epsilon: float,
    beta: float = 6.0,
    norm: Norm = "inf",
    step_size: float | None = None,
    num_steps: int = 10,
) -> RobustModel:
    """Return TRADES."""
    return defenses.TRADES(
        classifier,
        epsilon=epsilon,
        beta=beta,
        norm=norm,
        step_size=step_size,
        num_steps=num_steps,
    )


def gradient_norm(classifier: keras.Model, *, weight: float) -> RobustModel:
    """Return gradient-norm regularisation."""
    return defenses.GradientNorm(classifier, weight=weight)


def lfr(
    classifier: keras.Model,
    *,
    epsilon: float,
    weight: float = 0.02,
    step_size: float | None = None,
    num_steps: int = 40,
) -> RobustModel:
    """Return local flatness regularisation."""
    return defenses.LFR(
        classifier,
        epsilon=epsilon,
        weight=weight,
        step_size=step_size,
        num_steps=num_steps,
    )


DEFENSES: dict[str, Callable[..., RobustModel]] = {
    "standard": standard,
    "adversarial_training": adversarial_training,
    "fgsm_training": fgsm_training,
    "fast_fgsm_training": fast_fgsm_training,
    "trades": trades,
    "gradient_norm": gradient_norm,
    "lfr": lfr,
}


def defense_arguments(name: str) -> list[str]:
    """Return the settings that a defense takes."""
    return accepted(pick("defense", name, DEFENSES))


def check_defense(name: str, settings: dict[str, Any]) -> None:
    """Raise `ValueError` for an unknown defense or setting."""
    check_settings(name, pick("defense", name, DEFENSES), settings)


def make_defense(
    name: str, classifier: keras.Model, **settings: Any
) -> RobustModel:
    """Return a defense by name.

    Args:
        name: a key of `DEFENSES`.
        classifier: a built Keras model from images to logits.
        **settings: arguments of the defense; required ones are its own.

    Raises:
        ValueError: for an unknown name (with the nearest) or setting.
    """
    check_defense(name, settings)
    return DEFENSES[name](classifier, **settings)
