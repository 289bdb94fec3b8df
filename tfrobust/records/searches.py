"""What a search over settings tried, and what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class TrialRecord:
    """One training of a search.

    Attributes:
        number: how it is called in the search.
        status: "completed", "failed" or "unfinished".
        values: what was tried, by name.
        seed: of its weights, order and noise.
        epochs: trained in all.
        clean_accuracy, robust_accuracy: on the validation examples, of the
            epoch with the best score; `None` where there is none.
        score: what the search made large; `None` for a trial that failed.
        message: why it failed, in a line; "" where it didn't.
    """

    number: str
    status: str
    values: dict[str, Any]
    seed: int
    epochs: int
    clean_accuracy: Share | None
    robust_accuracy: Share | None
    score: float | None
    message: str


@dataclasses.dataclass(frozen=True)
class FinalistRecord:
    """A trial's best epoch under the stronger attacks.

    Attributes:
        number: of the trial.
        clean_accuracy: on the validation examples.
        robust_accuracy: likewise, of the worst case over all attacks.
        masking: "ok", "suspicious", "failed" or "not looked for".
        signs: names of the checks with that verdict, where it isn't "ok".
    """

    number: str
    clean_accuracy: Share
    robust_accuracy: Share
    masking: str
    signs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class SearchRecord:
    """A search over the settings of one recipe.

    Attributes:
        model: the recipe.
        model_digest: SHA-256 of the winner's weights; "" without a winner.
        data: name of the image set.
        tuner: how values were chosen.
        objective: what was made large, in words.
        clean_floor: least clean accuracy on the validation examples.
        space: name -> where it was searched, in words.
        trials: in the order they were begun.
        attacks: names of the attacks on the finalists.
        finalists: best score of the search first.
        winner: number of a finalist; "" where there is none.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    tuner: str
    objective: str
    clean_floor: float
    space: dict[str, str]
    trials: tuple[TrialRecord, ...]
    attacks: tuple[str, ...]
    finalists: tuple[FinalistRecord, ...]
    winner: str
    provenance: dict[str, Any]

    @property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Trials that have a score."""
        return tuple(t for t in self.trials if t.score is not None)

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """Completed trials that no other beats in both accuracies."""
        points = [
            (t.clean_accuracy or 0.0, t.robust_accuracy or 0.0)
            for t in self.completed
        ]
        return tuple(self.completed[i] for i in pareto_front(points))


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points no other beats in one and equals in the other.

    Example:

    >>> pareto_front([(0.9, 0.5), (0.8, 0.6), (0.8, 0.5), (0.7, 0.7)])
    [0, 1, 3]
    """

    def beaten(point: tuple[float, float]) -> bool:
        return any(
            other != point and other[0] >= point[0] and other[1] >= point[1]
            for other in points
        )

    return [i for i, point in enumerate(points) if not beaten(point)]
