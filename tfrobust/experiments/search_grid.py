"""A grid search that can be gone on with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import keras_tuner

from tfrobust.tuning import Range


def grid_size(space: Mapping[str, Range]) -> int:
    """Return how many points a space's grid has."""
    hp = keras_tuner.HyperParameters()
    for name, values in space.items():
        values.declare(hp, name)
    return math.prod(len(list(one.values)) for one in hp.space)


class GridOracle(keras_tuner.Oracle):
    """Tries one point of a grid after the other, the last name's first.

    The grid is the product of each name's values; of a range ten. Where it
    stands is how many trials were begun. keras-tuner's own keeps that in
    memory only, and once reloaded ends before its time.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next point, or that there is none."""
        del trial_id
        space = self.get_space().space
        grid = itertools.product(*(hp.values for hp in space))
        begun = len(self.start_order)
        point = next(itertools.islice(grid, begun, None), None)
        if point is None:
            return {"status": "STOPPED", "values": None}
        names = [hp.name for hp in space]
        values = dict(zip(names, point, strict=True))
        return {"status": "RUNNING", "values": values}


class GridSearch(keras_tuner.Tuner):
    """A tuner with a `GridOracle`.

    Args:
        objective, max_trials, seed, hyperparameters, tune_new_entries: of
            the oracle.
        **arguments: of the tuner.
    """

    def __init__(
        self,
        *,
        objective: keras_tuner.Objective,
        max_trials: int,
        seed: int,
        hyperparameters: keras_tuner.HyperParameters,
        tune_new_entries: bool,
        **arguments: Any,
    ) -> None:
        oracle = GridOracle(
            objective=objective,
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
        )
        super().__init__(oracle, **arguments)
