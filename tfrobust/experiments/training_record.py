"""What a training leaves behind, and what is read of it on resuming."""

from __future__ import annotations

import csv
import pathlib
from typing import Any

from tfrobust.callbacks.checkpoints import BEST_ROBUST
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.defenses import RobustModel
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import plain
from tfrobust.records import TrainingRecord
from tfrobust.serialization import describe

ROBUST = "val_robust_accuracy"


def read_history(
    directory: pathlib.Path, epochs: int
) -> dict[str, list[float]]:
    """Return metric -> values of the first epochs, and drop later rows.

    A kill between the log and the checkpoint leaves a row too many, or one
    that is torn.
    """
    path = directory / "history.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if None not in row.values()]
    kept = [row for row in whole if int(row["epoch"]) < epochs]
    if len(kept) < len(rows):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(kept)
    # Keras writes columns of NA for validation figures that there are none of.
    first = kept[0] if kept else {}
    names = [n for n, v in first.items() if n != "epoch" and v != "NA"]
    return {name: [float(row[name]) for row in kept] for name in names}


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
    )


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
