"""Everything a search depends on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tfrobust import recipes
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_fraction
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_seed
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.tuning import defense_of
from tfrobust.tuning import fixed_settings

TUNERS = ("bayesian", "hyperband", "random", "grid")
_HYPERBAND_FACTOR = 3
_DEFAULT_TRIALS = 20


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Everything a search depends on, as plain JSON data.

    Args:
        recipe: a defense, "projection" or "noise"; see
            `tuning.search_space`.
        tuner: "bayesian" (default), "hyperband", "random" or "grid".
        max_trials: how many trainings; default 20. Hyperband counts for
            itself.
        epochs: of a whole training; default 10.
        search: names of what is searched; default the recipe's.
        ranges: name -> "low:high", or values with "|" between; in place of
            the recipe's or besides.
        settings: of the defense, not searched.
        clean_floor: least clean accuracy on the validation examples;
            default 0.
        finalists: how many trials meet the stronger attacks; default 3.
        final_attacks: those; default the suite "standard".
        data, data_dir, image_size, architecture, batch_size, epsilon, norm,
            learning_rate, augment, validation_examples, validation_steps,
            strategy, num_devices: of each training, see `TrainingConfig`.
        seed: trial k is trained with seed + k; validation examples, attacks
            and the tuner have this one.
    """

    recipe: str
    _: dataclasses.KW_ONLY
    tuner: str = "bayesian"
    max_trials: int | None = None
    epochs: int = 10
    search: Sequence[str] | None = None
    ranges: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    clean_floor: float = 0.0
    finalists: int = 3
    final_attacks: Sequence[str] = ("standard",)
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    architecture: str | None = None
    batch_size: int = 128
    epsilon: float | None = None
    norm: Norm = "inf"
    learning_rate: float = 1e-3
    augment: bool = False
    validation_examples: int | None = None
    validation_steps: int = 10
    strategy: str | None = None
    num_devices: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        defense_of(self.recipe)
        check_choice("tuner", self.tuner, TUNERS)
        if self.strategy == "multi_worker":
            raise ValueError(
                "A trial is trained on one machine; several machines share "
                "the trials as chief and workers of keras-tuner (README). "
                "Received: strategy='multi_worker'"
            )
        for name in ("epochs", "finalists"):
            check_integer(name, getattr(self, name), minimum=1)
        if self.max_trials is not None:
            check_integer("max_trials", self.max_trials, minimum=1)
            if self.tuner == "hyperband":
                raise ValueError(
                    "Hyperband counts its trials by `epochs`. "
                    f"Received: max_trials={self.max_trials}"
                )
        if self.tuner == "hyperband" and self.epochs < _HYPERBAND_FACTOR:
            raise ValueError(
                f"Hyperband needs {_HYPERBAND_FACTOR} `epochs` or more. "
                f"Received: epochs={self.epochs}"
            )
        self._check_seeds()
        check_fraction("clean_floor", self.clean_floor)
        for name, value in self.settings.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(
                    f"A fixed setting must be finite. Received: {name}={value}"
                )
        recipes.check_radius_is_given(self.norm, self.epsilon)
        recipes.check_norm(defense_of(self.recipe), self.norm)
        if self.validation_examples == 0:
            raise ValueError(
                "A search needs validation examples. "
                "Received: validation_examples=0"
            )
        attack_names(self.final_attacks, self.norm)

    def _check_seeds(self) -> None:
        """Raise `ValueError` for a seed too large for some trial's."""
        check_seed(self.seed)
        # Hyperband's trials are fewer than its epochs squared.
        most = self.most_trials or self.epochs**2
        # The last trial has seed + most - 1, the tuner seed + 1.
        highest = (1 << 32) - max(most, 2)
        if self.seed > highest:
            raise ValueError(
                f"`seed` must be at most {highest}: the trials' count up from "
                f"it and stay below 2**32. Received: seed={self.seed}"
            )

    @property
    def radius(self) -> float:
        """Radius of training, validation and the final attacks."""
        if self.epsilon is not None:
            return self.epsilon
        return recipes.data_defaults(self.data).epsilon

    @property
    def most_trials(self) -> int | None:
        """How many trainings at most; `None` where the tuner counts."""
        if self.tuner == "hyperband":
            return None
        return self.max_trials or _DEFAULT_TRIALS

    def training(
        self, settings: Mapping[str, Any], **changes: Any
    ) -> TrainingConfig:
        """Return a trial's training.

        Args:
            settings: of the defense, that were chosen.
            **changes: of the training.
        """
        defense = defense_of(self.recipe)
        fixed = fixed_settings(self.recipe, self.radius)
        if "norm" in recipes.defense_settings(defense):
            fixed["norm"] = self.norm
        common: dict[str, Any] = {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "validation_steps": self.validation_steps,
            "validation_seed": self.seed,
        }
        return TrainingConfig(
            self.data,
            data_dir=self.data_dir,
            image_size=self.image_size,
            architecture=self.architecture,
            defense=defense,
            settings=fixed | dict(self.settings) | dict(settings),
            batch_size=self.batch_size,
            epsilon=self.radius,
            norm=self.norm,
            augment=self.augment,
            validation_examples=self.validation_examples,
            clean_floor=self.clean_floor,
            strategy=self.strategy,
            num_devices=self.num_devices,
            **common | changes,
        )
