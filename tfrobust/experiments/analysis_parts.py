"""What analyses of saved models share: model, images, attacks, a bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tqdm

from tfrobust import recipes
from tfrobust.attacks import Attack
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.records import plain
from tfrobust.records import Record


class Subject:
    """A model, its images, and what a record says of both."""

    def __init__(self, config: AnalysisConfig) -> None:
        self.classifier = load_classifier(config.model)
        self.data = recipes.load_data(
            config.data, data_dir=config.data_dir, image_size=config.image_size
        )
        self.test = self.data.test.first(config.num_examples)
        self.of: dict[str, Any] = {
            "model": config.model,
            "model_digest": weights_digest(self.classifier),
            "data": self.data.name,
            "provenance": origin_of(config),
        }

    @property
    def examples(self) -> tuple[keras.Model, np.ndarray, np.ndarray]:
        """Classifier, images, labels."""
        return self.classifier, self.test.images(), self.test.y


def origin_of(config: AnalysisConfig) -> dict[str, Any]:
    """Return configuration, seed, versions and revision, for a record."""
    return {"configuration": plain(config), **provenance(config.seed)}


def made_attacks(
    config: AnalysisConfig, *, last_iterate: bool = False
) -> dict[str, Attack]:
    """Return the attacks that an analysis asks for, in its ball, by name."""
    budget = recipes.Budget(seed=config.seed, last_iterate=last_iterate)
    try:
        return recipes.make_attacks(config.attack_list, config.ball, budget)
    except ValueError as error:
        ball = config.ball
        raise ValueError(
            f"{error} The ball of {config.analysis} is l{ball.norm}, epsilon "
            f"{ball.epsilon:g}, unless norm and epsilon are given."
        ) from error


def only_attack(config: AnalysisConfig, **budget: Any) -> Attack:
    """Return the one attack that is asked for, or raise."""
    made = made_attacks(config, **budget)
    if len(made) != 1:
        raise ValueError(
            f"{config.analysis} takes one attack. "
            f"Received: attacks={','.join(made)}"
        )
    return next(iter(made.values()))


def counting(
    name: str, total: int, unit: str, call: Callable[..., Record]
) -> Record:
    """Return `call(progress=...)` under a named bar of so many units."""
    with tqdm.tqdm(desc=name, total=total, unit=unit, mininterval=1.0) as bar:
        return call(progress=bar.update)
