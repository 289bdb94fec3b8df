"""Names of defenses, with what a run may set of each."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust import defenses
from tfrobust import losses
from tfrobust.attacks.starts import UniformStart
from tfrobust.defenses import RobustModel
from tfrobust.objectives import Margin
from tfrobust.ops.norms import Norm
from tfrobust.recipes import max_mahalanobis
from tfrobust.recipes import sgr
from tfrobust.recipes.arguments import pick
from tfrobust.recipes.extras import extra_arguments
from tfrobust.recipes.extras import EXTRAS


def usual_loss() -> keras.losses.Loss:
    """Return softmax cross-entropy of logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A defense and the settings that have a plain value.

    Any recipe also takes the settings `EXTRAS`.

    Args:
        make: `(classifier, **settings) -> RobustModel`; its defaults are the
            papers', or ours where these are lost or differ between sets.
        settings: names of what may be set.
        fixed: settings that make the recipe what it is.
        loss: makes the classification loss; default softmax cross-entropy.
    """

    make: Callable[..., RobustModel]
    settings: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    loss: Callable[[], keras.losses.Loss] = usual_loss

    @property
    def required(self) -> list[str]:
        """The settings without a default."""
        parameters = inspect.signature(self.make).parameters
        empty = inspect.Parameter.empty
        return [
            s
            for s in self.settings
            if s in parameters and parameters[s].default is empty
        ]


def fast_fgsm_training(
    classifier: keras.Model, *, epsilon: float, **arguments: Any
) -> RobustModel:
    """Return Wong et al.'s: uniform start, one step of 1.25 epsilon."""
    return defenses.FGSMTraining(
        classifier,
        epsilon=epsilon,
        step_size=1.25 * epsilon,
        random_start=UniformStart(),
        clean_weight=0.0,
        **arguments,
    )


_ASCENT = ("epsilon", "step_size", "num_steps")
_LABELS = "perturbation_label_source"
_CENTERS = ("center_norm", "feature_width")
_MARGIN = {"objective": Margin(), "clean_weight": 0.5}
DEFENSES = {
    "standard": Recipe(RobustModel),
    "adversarial_training": Recipe(
        defenses.AdversarialTraining,
        (*_ASCENT, "norm", "clean_weight", "label_source"),
    ),
    "mixed_pgd_training": Recipe(
        defenses.AdversarialTraining,
        (*_ASCENT, "norm", "label_source"),
        fixed={"clean_weight": 0.5},
    ),
    "margin_training": Recipe(
        defenses.AdversarialTraining, (*_ASCENT, "norm"), fixed=_MARGIN
    ),
    "fgsm_training": Recipe(
        defenses.FGSMTraining,
        ("epsilon", "norm", "clean_weight", "label_source"),
    ),
    "correlated_noise_training": Recipe(
        defenses.CorrelatedNoiseTraining,
        ("stddev", "decay_length", "clean_weight"),
    ),
    "fast_fgsm_training": Recipe(fast_fgsm_training, ("epsilon",)),
    "trades": Recipe(defenses.TRADES, (*_ASCENT, "norm", "beta")),
    "mart": Recipe(defenses.MART, (*_ASCENT, "norm", "beta")),
    "llr": Recipe(defenses.LLR, (*_ASCENT, "norm", "weight", "slope_weight")),
    "lfr": Recipe(defenses.LFR, (*_ASCENT, "weight")),
    "gradient_norm": Recipe(defenses.GradientNorm, ("weight",)),
    "first_order_l1": Recipe(defenses.FirstOrderL1, ("weight",)),
    "decision_jacobian": Recipe(defenses.JacobianRegularization, ("weight",)),
    "sgr": Recipe(sgr.sgr, ("weight", "decay", _LABELS)),
    "sgr_sign": Recipe(sgr.sgr_sign, ("weight", "decay", _LABELS)),
    "sgr_fgsm": Recipe(sgr.sgr_fgsm, ("weight", "epsilon", "decay", _LABELS)),
    "sgr_pgd": Recipe(
        sgr.sgr_pgd, ("weight", "epsilon", "num_steps", "decay", _LABELS)
    ),
    "sgr_deepfool": Recipe(
        sgr.sgr_deepfool, ("weight", "num_steps", "decay", _LABELS)
    ),
    "sgr_exponential": Recipe(sgr.sgr_exponential, ("weight", "decay_length")),
    "mmc": Recipe(max_mahalanobis.mmc, _CENTERS, loss=losses.MaxMahalanobis),
    "mmc_at": Recipe(
        max_mahalanobis.mmc_at,
        (*_ASCENT, *_CENTERS),
        loss=losses.MaxMahalanobis,
    ),
    "mat": Recipe(max_mahalanobis.mat, (*_ASCENT, "alpha", "beta", *_CENTERS)),
}


def defense_settings(name: str) -> tuple[str, ...]:
    """Return the settings that a defense takes."""
    return pick("defense", name, DEFENSES).settings


def check_defense(name: str, settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` for an unknown defense, or settings that don't fit."""
    recipe = pick("defense", name, DEFENSES)
    unknown = [s for s in settings if s not in (*recipe.settings, *EXTRAS)]
    if unknown:
        own = ", ".join(recipe.settings) or "no settings of its own"
        raise ValueError(
            f"`{name}` takes {own}; any defense takes {', '.join(EXTRAS)}. "
            f"Received: {', '.join(f'{u}={settings[u]!r}' for u in unknown)}"
        )
    missing = [s for s in recipe.required if s not in settings]
    if missing:
        raise ValueError(
            f"`{name}` needs {', '.join(missing)}. Received: "
            + (", ".join(f"{k}={v!r}" for k, v in settings.items()) or "none")
        )


def check_norm(name: str, norm: Norm) -> None:
    """Raise `ValueError` where a defense's radius is of another norm."""
    takes = defense_settings(name)
    if "epsilon" in takes and "norm" not in takes and norm != "inf":
        raise ValueError(
            f"`{name}` is a defense in the l-inf ball. Received: norm={norm}"
        )


def make_defense(
    name: str, classifier: keras.Model, *, seed: int = 0, **settings: Any
) -> RobustModel:
    """Return a defense by name.

    Args:
        name: a key of `DEFENSES`.
        classifier: a built Keras model from images to logits.
        seed: of all training noise; default 0.
        **settings: what the recipe lets a run set.

    Raises:
        ValueError: for an unknown name (with the nearest) or setting.
    """
    check_defense(name, settings)
    recipe = DEFENSES[name]
    own = {k: v for k, v in settings.items() if k in recipe.settings}
    return recipe.make(
        classifier,
        **recipe.fixed,
        **own,
        **extra_arguments(classifier, settings, seed),
        seed=seed,
    )


def make_loss(name: str) -> keras.losses.Loss:
    """Return the classification loss that a defense is compiled with."""
    return pick("defense", name, DEFENSES).loss()
