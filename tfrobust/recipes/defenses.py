"""Names of defenses, with what a run may set of each."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust import defenses
from tfrobust.attacks.starts import UniformStart
from tfrobust.defenses import RobustModel
from tfrobust.recipes.arguments import pick


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A defense and the settings that have a plain value.

    Args:
        make: `(classifier, **settings) -> RobustModel`; its defaults are the
            papers'.
        settings: names of what may be set.
    """

    make: Callable[..., RobustModel]
    settings: tuple[str, ...] = ()

    @property
    def required(self) -> list[str]:
        """The settings without a default."""
        parameters = inspect.signature(self.make).parameters
        empty = inspect.Parameter.empty
        return [s for s in self.settings if parameters[s].default is empty]


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


_ASCENT = ("epsilon", "step_size", "num_steps")
DEFENSES = {
    "standard": Recipe(RobustModel),
    "adversarial_training": Recipe(
        defenses.AdversarialTraining, (*_ASCENT, "norm", "clean_weight")
    ),
    "fgsm_training": Recipe(
        defenses.FGSMTraining, ("epsilon", "norm", "clean_weight")
    ),
    "fast_fgsm_training": Recipe(fast_fgsm_training, ("epsilon",)),
    "trades": Recipe(defenses.TRADES, (*_ASCENT, "norm", "beta")),
    "gradient_norm": Recipe(defenses.GradientNorm, ("weight",)),
    "lfr": Recipe(defenses.LFR, (*_ASCENT, "weight")),
}


def defense_settings(name: str) -> tuple[str, ...]:
    """Return the settings that a defense takes."""
    return pick("defense", name, DEFENSES).settings


def check_defense(name: str, settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` for an unknown defense, or settings that don't fit."""
    recipe = pick("defense", name, DEFENSES)
    unknown = [s for s in settings if s not in recipe.settings]
    if unknown:
        raise ValueError(
            f"`{name}` takes {', '.join(recipe.settings) or 'no settings'}. "
            f"Received: {', '.join(f'{u}={settings[u]!r}' for u in unknown)}"
        )
    missing = [s for s in recipe.required if s not in settings]
    if missing:
        raise ValueError(
            f"`{name}` needs {', '.join(missing)}. "
            f"Received: settings={dict(settings)!r}"
        )


def make_defense(
    name: str, classifier: keras.Model, **settings: Any
) -> RobustModel:
    """Return a defense by name.

    Args:
        name: a key of `DEFENSES`.
        classifier: a built Keras model from images to logits.
        **settings: what the recipe lets a run set.

    Raises:
        ValueError: for an unknown name (with the nearest) or setting.
    """
    check_defense(name, settings)
    return DEFENSES[name].make(classifier, **settings)
