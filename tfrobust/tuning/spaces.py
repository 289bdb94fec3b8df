"""What is searched for each recipe, and where.

Where a paper prints a value the range goes well to both sides of it; where
its text lost the value the range is ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol

import numpy as np

from tfrobust import recipes
from tfrobust.arguments import check_choice


class Range(Protocol):
    """Values that a search tries."""

    def declare(self, hp: Any, name: str) -> Any:
        """Return this trial's value of keras-tuner's hyperparameters."""
        ...


@dataclasses.dataclass(frozen=True)
class Reals:
    """Numbers from low to high, even in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(
                "A range of numbers must rise and be positive. "
                f"Received: {self.low:g}:{self.high:g}"
            )

    def declare(self, hp: Any, name: str) -> float:
        """See `Range`."""
        return hp.Float(name, self.low, self.high, sampling="log")


@dataclasses.dataclass(frozen=True)
class Integers:
    """Whole numbers from low to high, even in the logarithm."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(
                "A range of whole numbers must rise and be positive. "
                f"Received: {self.low}:{self.high}"
            )

    def declare(self, hp: Any, name: str) -> int:
        """See `Range`."""
        return hp.Int(name, self.low, self.high, sampling="log")


@dataclasses.dataclass(frozen=True)
class Choices:
    """One of these."""

    values: tuple[Any, ...]

    def declare(self, hp: Any, name: str) -> Any:
        """See `Range`."""
        return hp.Choice(name, list(self.values), ordered=False)


Space = dict[str, Range]
# Of the training, and no setting of a defense.
TRAINING = ("learning_rate", "width", "epsilon_warm_up")
_RATE: Space = {"learning_rate": Reals(1e-4, 1e-2)}
_BETA: Space = {"beta": Reals(0.5, 20.0)}
_WEIGHT: Space = {"weight": Reals(1e-2, 1e2)}
_CENTERS: Space = {"center_norm": Reals(1.0, 100.0)}
_SGR: Space = _WEIGHT | {"decay": Choices((0.0, 0.5, 0.9, 0.99))}
_NAMES = (*recipes.DEFENSES, "projection", "noise")
_RANGES: dict[str, Space] = {
    "standard": {},
    "adversarial_training": {"clean_weight": Choices((0.0, 0.25, 0.5))},
    "fgsm_training": {"clean_weight": Choices((0.0, 0.25, 0.5))},
    "correlated_noise_training": {
        "stddev": Reals(0.01, 1.0),
        "decay_length": Reals(0.5, 16.0),
    },
    "trades": _BETA,  # Zhang et al.: 6, LFR: 1
    "mart": _BETA,  # Wang et al.: 5
    "llr": {"weight": Reals(0.4, 40.0), "slope_weight": Reals(0.3, 30.0)},
    "lfr": {"weight": Reals(2e-3, 0.2)},  # the paper: 0.02
    "gradient_norm": _WEIGHT,
    "first_order_l1": {"weight": Reals(1e-3, 1.0)},
    "decision_jacobian": {"weight": Reals(1e-4, 1.0)},
    "sgr": _SGR,
    "sgr_sign": _SGR,
    "sgr_fgsm": _SGR,
    "sgr_pgd": _SGR,
    "sgr_deepfool": _SGR,
    "sgr_exponential": _WEIGHT | {"decay_length": Reals(0.5, 16.0)},
    "mmc": _CENTERS,
    "mmc_at": _CENTERS,
    "mat": {"alpha": Reals(1e-2, 10.0), "beta": Reals(0.1, 10.0)} | _CENTERS,
}


def defense_of(recipe: str) -> str:
    """Return the defense that a recipe of a search trains.

    "projection" and "noise" are standard training on projected images, the
    latter with noise in the components left out (gradient leaking).
    """
    check_choice("recipe", recipe, _NAMES)
    return "standard" if recipe in ("projection", "noise") else recipe


def search_space(
    recipe: str, image_shape: Sequence[int], *, epochs: int = 10
) -> Space:
    """Return what is searched for a recipe.

    Args:
        recipe: a defense, "projection" (d) or "noise" (d, c).
        image_shape: without a batch axis.
        epochs: of a whole training; for a warm-up of the radius.

    Returns:
        Name -> range: the recipe's own settings and the learning rate; where
        a defense takes a radius, over how many epochs it grows.

    Example:

    >>> search_space("lfr", (8, 8, 1))["weight"]
    Reals(low=0.002, high=0.2)
    """
    defense = defense_of(recipe)
    space: Space = _RANGES.get(recipe, {}) | _RATE
    if recipe in ("projection", "noise"):
        size = int(np.prod(image_shape))
        most = size - 10 if recipe == "noise" else size
        space["num_components"] = Integers(max(2, size // 32), most)
    if recipe == "noise":
        space["noise_scale"] = Reals(1.0, 30.0)  # the paper: 10
    takes = recipes.defense_settings(defense)
    if "epsilon" in takes and not defense.startswith("sgr") and epochs >= 4:
        space["epsilon_warm_up"] = Choices((0, epochs // 4, epochs // 2))
    return space


def fixed_settings(recipe: str, epsilon: float) -> dict[str, Any]:
    """Return settings that a recipe needs and that aren't searched."""
    takes = recipes.defense_settings(defense_of(recipe))
    fixed: dict[str, Any] = {"epsilon": epsilon} if "epsilon" in takes else {}
    if recipe == "noise":
        fixed["num_noise_components"] = 10  # the paper's m
    return fixed


def changed_space(
    space: Space,
    names: Sequence[str] | None,
    ranges: Mapping[str, Range],
) -> Space:
    """Return a space with only some names and with other ranges.

    Args:
        space: what is searched by default.
        names: what to search of it; default all.
        ranges: what replaces a range, or is searched besides.

    Raises:
        ValueError: for a name that isn't in the space and has no range.
    """
    whole = space | dict(ranges)
    names = tuple(whole) if names is None else (*names, *ranges)
    for name in names:
        check_choice("search", name, tuple(whole))
    return {name: whole[name] for name in dict.fromkeys(names)}


def check_not_fixed(space: Space, settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a name that is searched and fixed too."""
    both = [name for name in space if name in settings]
    if both:
        raise ValueError(
            "A setting is fixed or searched, not both; `search` names what is "
            f"searched. Received: {both[0]}={settings[both[0]]!r}, and "
            f"searched are {', '.join(space)}"
        )


def split_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return a trial's values for the training, and for the defense."""
    own = {k: v for k, v in values.items() if not k.startswith("tuner/")}
    training = {k: v for k, v in own.items() if k in TRAINING}
    return training, {k: v for k, v in own.items() if k not in TRAINING}
