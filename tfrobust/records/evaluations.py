"""What attacks did to models."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class AttackRecord:
    """What one attack did to one model.

    Attributes:
        name: of the attack in its suite.
        settings: its budget, every argument under its own name.
        robust: whether each example was still classified correctly.
        perturbation_norm: of each example, in the attack's norm.
    """

    name: str
    settings: dict[str, Any]
    robust: tuple[bool, ...]
    perturbation_norm: tuple[float, ...]

    @property
    def robust_accuracy(self) -> float:
        """Share of examples still classified correctly."""
        return sum(self.robust) / len(self.robust)


@dataclasses.dataclass(frozen=True)
class CheckRecord:
    """One sign of masked gradients.

    Attributes:
        name: of the check.
        number: what was measured; larger is worse.
        verdict: "ok", "suspicious" or "failed".
        meaning: what the number is, in a sentence.
    """

    name: str
    number: float
    verdict: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class EvaluationRecord:
    """One model under a suite of attacks.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        split: of which the first examples were taken.
        clean: whether each example was classified correctly unattacked.
        attacks: in the order they ran.
        provenance: configuration, seed, versions, revision.
        masking: signs of masked gradients; empty where nobody looked.
    """

    model: str
    model_digest: str
    data: str
    split: str
    clean: tuple[bool, ...]
    attacks: tuple[AttackRecord, ...]
    provenance: dict[str, Any]
    masking: tuple[CheckRecord, ...] = ()

    @property
    def num_examples(self) -> int:
        """How many examples were evaluated."""
        return len(self.clean)

    @property
    def clean_accuracy(self) -> float:
        """Share of examples classified correctly unattacked."""
        return sum(self.clean) / len(self.clean)

    @property
    def worst_case(self) -> tuple[bool, ...]:
        """Whether each example withstood every attack."""
        rows = zip(self.clean, *(a.robust for a in self.attacks), strict=True)
        return tuple(all(row) for row in rows)

    @property
    def worst_case_accuracy(self) -> float:
        """Share of examples that withstood every attack."""
        return sum(self.worst_case) / self.num_examples


@dataclasses.dataclass(frozen=True)
class CurveRecord:
    """Robust accuracy of one model against the radius.

    Attributes:
        model: how the model is called.
        attack: its settings, without the radius.
        epsilons: radii, in input units.
        robust_accuracy: at each radius.
        num_examples: how many examples were attacked.
        model_digest: SHA-256 of the model's weights.
        data: name of the image set.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    attack: dict[str, Any]
    epsilons: tuple[float, ...]
    robust_accuracy: tuple[Share, ...]
    num_examples: int
    model_digest: str = ""
    data: str = ""
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TransferRecord:
    """Models under the points that were made on each other.

    Attributes:
        models: how they are called.
        model_digests: SHA-256 of their weights.
        data: name of the image set.
        num_examples: how many examples were attacked.
        clean_accuracy: of each model, unattacked.
        settings: attack -> its budget.
        accuracy: attack -> a row for each source, in it each target.
        provenance: configuration, seed, versions, revision.
    """

    models: tuple[str, ...]
    model_digests: tuple[str, ...]
    data: str
    num_examples: int
    clean_accuracy: tuple[Share, ...]
    settings: dict[str, Any]
    accuracy: dict[str, tuple[tuple[Share, ...], ...]]
    provenance: dict[str, Any]
