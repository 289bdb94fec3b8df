"""One progress bar for a whole training, with the time left."""

from __future__ import annotations

import sys
from typing import Any

import keras


class ProgressBar(keras.callbacks.Callback):
    """Show steps done, rate, time left and the last epoch's figures.

    Args:
        label: what stands before the bar.
        first_epoch: where a resumed run begins; default 0.
        first_step: steps of that epoch that were taken before; default 0.
    """

    def __init__(
        self, label: str, *, first_epoch: int = 0, first_step: int = 0
    ) -> None:
        super().__init__()
        self.label = label
        self.first_epoch = first_epoch
        self.first_step = first_step

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the bar."""
        del logs
        import tqdm

        epochs = self.params["epochs"] - self.first_epoch
        self._bar = tqdm.tqdm(
            total=epochs * (self.params["steps"] or 0) or None,
            desc=self.label,
            unit="step",
            file=sys.stderr,
            mininterval=1.0 if sys.stderr.isatty() else 20.0,
            dynamic_ncols=True,
        )

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Advance."""
        del batch, logs
        self._bar.update()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Show this epoch's figures."""
        del epoch
        shown = ("loss", "val_accuracy", "val_robust_accuracy")
        logs = logs or {}
        figures = {k: f"{logs[k]:.3f}" for k in shown if k in logs}
        self._bar.set_postfix(figures, refresh=False)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the bar."""
        del logs
        self._bar.close()
