"""What is known of a model that others may load."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Amount


@dataclasses.dataclass(frozen=True)
class CardRecord:
    """A trained classifier: what it is, and how it withstood attack.

    Attributes:
        name: of the model.
        data: name of the image set, images in [0, 1].
        network: its Keras configuration.
        command: that trains it again.
        results: attack, or "clean" -> accuracy in percent.
        budgets: how hard each attack tried, a line each.
        num_examples: test images that the results are of.
        training: every setting of the training.
        seconds: of the training.
        model_digest: SHA-256 of its weights as they are loaded.
        provenance: seed, versions, revision.
        results_of: whose the results are, if not of the weights as loaded.
        adaptive_objective: Keras configuration of what an attack that knows
            the defense climbs; `None` where it can't be kept.
        rounded_from: SHA-256 of the weights that were rounded to these; empty
            where that isn't told.
    """

    name: str
    data: str
    network: dict[str, Any]
    command: str
    results: dict[str, float]
    budgets: tuple[str, ...]
    num_examples: int
    training: dict[str, Any]
    seconds: Amount
    model_digest: str
    provenance: dict[str, Any]
    results_of: str = ""
    adaptive_objective: dict[str, Any] | None = None
    rounded_from: str = ""
