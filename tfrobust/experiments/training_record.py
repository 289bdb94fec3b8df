"""What a training leaves behind, and what is read of it on resuming."""

from __future__ import annotations

import csv
import pathlib
from typing import Any

from tfrobust.callbacks.backup import is_whole
from tfrobust.callbacks.checkpoints import BEST_ROBUST
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.defenses import RobustModel
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import is_whole_json
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord
from tfrobust.records import whole_file
from tfrobust.serialization import describe

ROBUST = "val_robust_accuracy"


def read_history(
    directory: pathlib.Path, epochs: int
) -> dict[str, list[float]]:
    """Return metric -> values of the first epochs, and drop later rows.

    A kill between the log and the checkpoint leaves a row too many, or one
    that is torn.

    Raises:
        ValueError: for a file that is no log.
    """
    path = directory / "history.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        whole = [row for row in rows if None not in row.values()]
        kept = [row for row in whole if int(row["epoch"]) < epochs]
        history = _columns(kept)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ValueError(
            f"{path} is no log of a training, or was harmed."
        ) from error
    if len(kept) < len(rows):
        _write_rows(path, list(rows[0]), kept)
    return history


def _columns(rows: list[dict[str, str]]) -> dict[str, list[float]]:
    # Keras writes columns of NA for validation figures that there are none of.
    first = rows[0] if rows else {}
    names = [n for n, v in first.items() if n != "epoch" and v != "NA"]
    return {name: [float(row[name]) for row in rows] for name in names}


def _write_rows(
    path: pathlib.Path, names: list[str], rows: list[dict[str, str]]
) -> None:
    """Put a log in place of another; a kill leaves the one or the other."""
    with whole_file(path) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def best_epoch(
    history: dict[str, list[float]], clean_floor: float
) -> int | None:
    """Return the row that `KeepCheckpoints` calls best.

    Of equal robust accuracies that of the higher clean one, then the first.
    Rows whose clean accuracy is below the floor don't count.
    """
    clean, robust = history.get("val_accuracy"), history.get(ROBUST)
    if not clean or not robust:
        return None
    fit = [row for row, value in enumerate(clean) if value >= clean_floor]
    return max(fit, key=lambda row: (robust[row], clean[row]), default=None)


def check_past(
    directory: pathlib.Path, epochs: int, config: TrainingConfig
) -> None:
    """Raise `ValueError` where the log or the best model was harmed.

    Nothing else has them: a run that went on without would call another
    epoch the best.

    Args:
        directory: of the run that is to go on.
        epochs: that it was trained for.
        config: of it.
    """
    history = read_history(directory, epochs)
    rows = len(next(iter(history.values()), []))
    harmed = []
    if rows < epochs and config.begin_with is None:
        harmed.append(f"history.csv has {rows} of {epochs} epochs")
    best = best_epoch(history, config.clean_floor)
    if best is not None and not is_whole(directory / BEST_ROBUST):
        harmed.append(f"{BEST_ROBUST} is torn or gone")
    if harmed:
        raise ValueError(
            f"{directory} can't be resumed: {' and '.join(harmed)}. Begin "
            "again with --overwrite, or elsewhere with "
            f"--begin_with={directory / LAST}."
        )


def training_record(
    config: TrainingConfig,
    directory: pathlib.Path,
    seconds: float,
    origin: dict[str, Any],
    model: RobustModel,
) -> TrainingRecord:
    """Return what the run in `directory` did, by its log."""
    history = read_history(directory, config.epochs)
    figures = {k: v for k, v in history.items() if k.startswith("val_") and v}
    last = {k: v[-1] for k, v in figures.items()}
    checkpoints = {LAST: {"epoch": config.epochs, **last}}
    best = best_epoch(history, config.clean_floor)
    if best is not None:
        values = {k: v[best] for k, v in figures.items()}
        # Epochs before a run that began with a model are in another log.
        before = config.epochs - len(figures[ROBUST])
        checkpoints[BEST_ROBUST] = {"epoch": before + best + 1, **values}
    return TrainingRecord(
        configuration=plain(config) | {"resolved": _resolved(model)},
        history=history,
        checkpoints=checkpoints,
        seconds=round(seconds, 3),
        provenance=origin,
        model_digest=weights_digest(model.classifier),
    )


def read_finished(
    directory: pathlib.Path, model: RobustModel, config: TrainingConfig
) -> TrainingRecord | None:
    """Return the record of a training that is done; `None` for a torn one.

    Args:
        directory: of the run.
        model: its last.
        config: of it.

    Raises:
        ValueError: for another training's model or record.
    """
    path = directory / "training.json"
    if not is_whole_json(path):
        return None
    record = read_record(path)
    if not isinstance(record, TrainingRecord) or not is_of(record, config):
        raise ValueError(
            f"{path} is no record of this training; remove the directory to "
            "train it again."
        )
    told = record.model_digest
    if told and told != weights_digest(model.classifier):
        raise ValueError(
            f"{directory / LAST} isn't the model of {path}; remove the "
            "directory to train it again."
        )
    return record


def is_of(record: TrainingRecord, config: TrainingConfig) -> bool:
    """Say whether a record is of a training's settings.

    A setting that is newer than the record says nothing against it.
    """
    there = record.configuration
    return all(there.get(k, v) == v for k, v in plain(config).items())


def _resolved(model: RobustModel) -> dict[str, Any]:
    """Return what defaults stood for: they may change, a record may not."""
    attack = model.attack
    return {
        "architecture": model.classifier.name,
        "weights": model.classifier.count_params(),
        "defense": type(model).__name__,
        "attack": None if attack is None else describe(attack),
        "step_size": None if attack is None else attack.step_length,
        "penalties": describe(model.penalties),
        "beta": getattr(model, "beta", None),
        "weight": getattr(model, "weight", None),
        "clean_weight": getattr(model, "clean_weight", None),
    }
