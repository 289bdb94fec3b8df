"""Keep the last model and the best one under attack."""

from __future__ import annotations

import pathlib
from typing import Any

import keras

from tfrobust.records import whole_file

LAST = "last.keras"
BEST_ROBUST = "best_robust.keras"


class KeepCheckpoints(keras.callbacks.Callback):
    """Save `last.keras` after each epoch and `best_robust.keras` at its best.

    Robust accuracy often falls again late in training ("robust
    overfitting", Rice et al., 2020, https://arxiv.org/abs/2002.11569), so
    both are kept and both belong in a report. Of epochs that are equal in it
    the one of higher `val_accuracy` is best, then the first. The field's code,
    theirs too, asks for a strict rise and so keeps the first; it counts
    thousands of images, where few are equal, and not a hundred.

    Each file is written under another name and renamed: a kill leaves the
    old one or the new one. Put it after the callback that writes the
    monitored value.

    Args:
        directory: where to save.
        monitor: entry of the logs that must rise; default
            "val_robust_accuracy". Without it in the logs only the last model
            is kept.
        best: the value and the `val_accuracy` to beat, for a run that goes
            on; default none.
        clean_floor: epochs below this `val_accuracy` are no best; default 0.
    """

    def __init__(
        self,
        directory: str | pathlib.Path,
        *,
        monitor: str = "val_robust_accuracy",
        best: tuple[float, float] | None = None,
        clean_floor: float = 0.0,
    ) -> None:
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.monitor = monitor
        self.best = best
        self.clean_floor = clean_floor

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Save what deserves it."""
        del epoch
        logs = logs or {}
        clean = logs.get("val_accuracy", 1.0)
        if self.monitor in logs and clean >= self.clean_floor:
            found = logs[self.monitor], clean
            if self.best is None or found > self.best:
                self.best = found
                self._save(BEST_ROBUST)
        self._save(LAST)

    def _save(self, name: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        with whole_file(self.directory / name) as part:
            self.model.save(part)
