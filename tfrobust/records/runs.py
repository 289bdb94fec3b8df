"""How models were trained, and how long calls took."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Amount
from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained.

    Attributes:
        configuration: every setting of the run.
        history: metric name -> value after each epoch.
        checkpoints: file name -> what it is and its validation figures.
        seconds: wall-clock time of training.
        provenance: seed, versions, revision, TensorFlow's threads, and what
            `TF_ENABLE_ONEDNN_OPTS` was, "default" where it wasn't set.
        model_digest: SHA-256 of the last classifier's weights; empty where
            that isn't told.
    """

    configuration: dict[str, Any]
    history: dict[str, list[float]]
    checkpoints: dict[str, dict[str, Any]]
    seconds: Amount
    provenance: dict[str, Any]
    model_digest: str = ""


@dataclasses.dataclass(frozen=True)
class BenchmarkRecord:
    """Times of calls that were made in turn.

    Attributes:
        suite: what was measured.
        configuration: every setting of the run.
        seconds: call -> time of each round.
        floors: call -> {bare call: how often the call can't avoid it}; bare
            calls stand in `seconds` as "bare NAME".
        provenance: seed, versions, revision.
        robust_accuracy: attack -> what it left, where attacks were timed.
        median_norm: attack -> the median norm of what broke an example;
            another library's attack stands as "LIBRARY ATTACK".
    """

    suite: str
    configuration: dict[str, Any]
    seconds: dict[str, list[float]]
    floors: dict[str, dict[str, int]]
    provenance: dict[str, Any]
    robust_accuracy: dict[str, Share] = dataclasses.field(default_factory=dict)
    median_norm: dict[str, float | None] = dataclasses.field(
        default_factory=dict
    )

    def floor_seconds(self, name: str) -> tuple[float, ...]:
        """Return the floor of a call in each round."""
        counts = self.floors[name]
        columns = [self.seconds[f"bare {call}"] for call in counts]
        rounds = zip(*columns, strict=True)
        times = list(counts.values())
        return tuple(
            sum(n * t for n, t in zip(times, row, strict=True))
            for row in rounds
        )
