"""What a report tells of trainings."""

from __future__ import annotations

import itertools

from tfrobust.records import TrainingRecord
from tfrobust.reports.tables import Rows

_METRICS = ("loss", "val_accuracy", "val_robust_accuracy", "gradient_leaking")


def shown_metrics(record: TrainingRecord) -> list[str]:
    """Return the names of the metrics that a report shows."""
    return [name for name in record.history if name.startswith(_METRICS)]


def training_rows(record: TrainingRecord) -> Rows:
    """Return header and rows: an epoch each, the metrics that are shown."""
    names = shown_metrics(record)
    columns = [[f"{v:.4g}" for v in record.history[name]] for name in names]
    epochs = itertools.zip_longest(*columns, fillvalue="-")
    rows = [[str(k), *cells] for k, cells in enumerate(epochs, 1)]
    return [["epoch", *names], *rows]
