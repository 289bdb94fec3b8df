"""Stop as soon as a loss is not a number, and say which."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfrobust.callbacks.errors import TrainingDiverged


class StopOnNonFinite(keras.callbacks.Callback):
    """Raise `TrainingDiverged` naming the step and the term of the loss.

    Looks at the running means after every step: the first that is not finite
    belongs to the term that broke, unless all broke at once, which means
    that the weights did in the update before.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start counting epochs."""
        del logs
        self._epoch = 0

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Remember the epoch."""
        del logs
        self._epoch = epoch

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Look at the loss and, where it isn't finite, at its terms."""
        logs = logs or {}
        if math.isfinite(logs.get("loss", 0.0)):
            return
        terms = getattr(self.model, "term_trackers", {})
        broken = [n for n in terms if not math.isfinite(logs.get(n, 0.0))]
        what = ", ".join(broken) or "loss"
        if not self._weights_are_finite():
            what += " (and the weights)"
        raise TrainingDiverged(
            f"Training stopped at epoch {self._epoch + 1}, step {batch + 1}: "
            f"{what} is not finite. A smaller learning rate or weight, or a "
            "warm-up, may help."
        )

    def _weights_are_finite(self) -> bool:
        return all(
            bool(keras.ops.all(keras.ops.isfinite(w)))
            for w in self.model.trainable_weights
        )
