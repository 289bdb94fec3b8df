"""How long a training took, in all of its parts together."""

from __future__ import annotations

import json
import math
import pathlib
import time
from typing import Any

import keras

from tfrobust.records import write_json


class Stopwatch(keras.callbacks.Callback):
    """Counts a training's seconds, also across a kill.

    After how many seconds each step of a whole state was reached, is kept:
    what goes on behind one, goes on with its count, and steps that are taken
    twice count once. Put it after what keeps that state.

    Args:
        path: a JSON file, steps -> seconds.
        done: steps taken before.
        every: steps between two backups; default none.

    Raises:
        ValueError: for a file that has no such counts.
    """

    def __init__(
        self, path: pathlib.Path, done: int, every: int | None = None
    ) -> None:
        super().__init__()
        self.path = path
        self.every = every
        self.done = done
        laps = _read(path).items()
        self._laps = {steps: lap for steps, lap in laps if steps <= done}
        self._before = max(self._laps.values(), default=0.0)
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """So far."""
        return self._before + time.perf_counter() - self._start

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Count a step, and keep the time of a backup."""
        del batch, logs
        self.done += 1
        if self.every is not None and self.done % self.every == 0:
            self.keep()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Keep the time of a checkpoint."""
        del epoch, logs
        self.keep()

    def keep(self) -> None:
        """Keep the time of the last step."""
        self._laps[self.done] = round(self.seconds, 3)
        write_json(self._laps, self.path)


def _read(path: pathlib.Path) -> dict[int, float]:
    if not path.is_file():
        return {}
    try:
        laps = json.loads(path.read_text())
        read = {int(steps): float(lap) for steps, lap in laps.items()}
        if not all(0 <= lap < math.inf for lap in read.values()):
            raise ValueError("no seconds")
        return read
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no count of a training's seconds; without it they "
            "begin at 0."
        ) from error
