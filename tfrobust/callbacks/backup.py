"""Everything a training needs to go on from the middle of an epoch."""

from __future__ import annotations

import pathlib
import signal
import threading
import zipfile
from types import FrameType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.records import whole_file

_PATTERN = "backup-*.npz"


class BackupSteps(keras.callbacks.Callback):
    """Keep a training's whole state every so many steps.

    Weights, what isn't trained, optimizer, metrics and the states of random
    layers go into `backup-STEPS.npz`, written under another name and
    renamed. The last two are kept: a torn one leaves the one before. An
    epoch's end removes them, for then `KeepCheckpoints` has kept the model;
    put it after that.

    Ctrl-C ends the training after the step, with a backup; twice, at once.

    Args:
        directory: where to keep them.
        every: steps between two; default `None`: only at Ctrl-C.
        done: steps taken before; default 0. The file of that name, if there
            is one, is restored as the first epoch begins.
    """

    def __init__(
        self,
        directory: str | pathlib.Path,
        *,
        every: int | None = None,
        done: int = 0,
    ) -> None:
        super().__init__()
        if every is not None:
            check_integer("every", every, minimum=1)
        self.directory = pathlib.Path(directory)
        self.every = every
        self.done = done
        self._restored = False
        self._interrupted = False
        self._before: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Listen to Ctrl-C."""
        del logs
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Listen no more; what came behind the last epoch's end counts."""
        del logs
        self.close()
        if self._interrupted:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Give Ctrl-C back, also where training ended by an error."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Restore, once: `fit` has reset the metrics by now."""
        del epoch, logs
        path = backup_of(self.directory, self.done)
        if not self._restored and path.is_file():
            # Compiled metrics have no variables before they see a batch.
            classifier: Any = getattr(self.model, "classifier", self.model)
            shape = (1, *classifier.input_shape[1:])
            self.model.test_on_batch(np.zeros(shape), np.zeros(1, "int64"))
            restore_state(self.model, path)
        self._restored = True

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Keep the state where it is time, but for an epoch's last step.

        After that come log and checkpoint; to go on behind them would lose
        both.
        """
        del logs
        self.done += 1
        if batch + 1 == self.params["steps"]:
            return
        due = self.every is not None and self.done % self.every == 0
        if due or self._interrupted:
            self._save()
        if self._interrupted:
            raise KeyboardInterrupt

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Remove what the epoch's checkpoint makes needless."""
        del epoch, logs
        for path in backups(self.directory):
            path.unlink()
        if self._interrupted:
            raise KeyboardInterrupt

    def _save(self) -> None:
        path = backup_of(self.directory, self.done)
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, **_state(self.model))  # type: ignore[arg-type]
        for old in backups(self.directory)[2:]:
            old.unlink()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._interrupted = True
        self.close()


def backups(directory: pathlib.Path) -> list[pathlib.Path]:
    """Return the backups in a directory, the latest first."""
    return sorted(directory.glob(_PATTERN), reverse=True)


def backup_of(directory: pathlib.Path, steps: int) -> pathlib.Path:
    """Return where a backup after so many steps is, if there is one."""
    return directory / _PATTERN.replace("*", f"{steps:09d}")


def steps_of(path: pathlib.Path) -> int:
    """Return after how many steps a backup was made."""
    return int(path.stem.removeprefix("backup-"))


def is_whole(path: pathlib.Path) -> bool:
    """Say whether a backup, or a `.keras` file, can be read to its end."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a harmed zip raises many kinds
        return False


def restore_state(model: keras.Model, path: pathlib.Path) -> None:
    """Give a compiled model the state that was kept.

    Raises:
        ValueError: for the state of another model.
    """
    variables = _variables(model)
    with np.load(path, allow_pickle=False) as kept:
        if len(kept.files) != len(variables):
            raise ValueError(
                f"{path} is the state of another model, of {len(kept.files)} "
                f"variables. Expected: {len(variables)}"
            )
        for index, variable in enumerate(variables):
            dtype = tf.as_dtype(variable.dtype).as_numpy_dtype
            values = kept[str(index)]
            # numpy's files don't know bfloat16: it comes back as bytes.
            same = values if values.dtype == dtype else values.view(dtype)
            variable.assign(same)


def _state(model: keras.Model) -> dict[str, np.ndarray]:
    arrays = map(keras.ops.convert_to_numpy, _variables(model))
    return {str(index): array for index, array in enumerate(arrays)}


def _variables(model: keras.Model) -> list[Any]:
    # Keras' loss scaling makes its variables anew at each build.
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [
        *model.variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]
