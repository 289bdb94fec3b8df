"""What became of a row of a paper's table."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.evaluations import CheckRecord
from tfrobust.records.shapes import Amount


@dataclasses.dataclass(frozen=True)
class RowRecord:
    """One training of a row of a table, and the numbers of its columns.

    Attributes:
        paper: whose table.
        table: its name.
        scale: "smoke", "cpu" or "paper".
        row: title of the row.
        values: title of a column -> number, in the table's unit; `None`
            where there is none, such as the norm of an attack that never
            succeeds.
        budgets: how hard each attack tried, a line each.
        masking: signs of masked gradients; empty where nobody looked.
        examples: name of an evaluation or analysis -> how many images.
        training: every setting of the training, but for where data lie.
        seconds: of the training.
        model_digest: SHA-256 of the weights.
        provenance: seed, versions, revision.
        looks: name of an evaluation or analysis -> digest of its settings.
    """

    paper: str
    table: str
    scale: str
    row: str
    values: dict[str, float | None]
    budgets: tuple[str, ...]
    masking: tuple[CheckRecord, ...]
    examples: dict[str, int]
    training: dict[str, Any]
    seconds: Amount
    model_digest: str
    provenance: dict[str, Any]
    looks: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ProbeRecord:
    """How long a few steps of a row's training took.

    Attributes:
        step_seconds: of a training step, after the first ones.
        steps: of the whole training.
        forward_seconds: of a forward pass of a batch of 250.
        gradient_seconds: of an input gradient of such a batch.
        num_parameters: of the network.
        provenance: versions, revision.
    """

    step_seconds: Amount
    steps: int
    forward_seconds: Amount
    gradient_seconds: Amount
    num_parameters: int
    provenance: dict[str, Any]
