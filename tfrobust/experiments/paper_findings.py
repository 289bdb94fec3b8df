"""What attacks and checks that the tables lack say of their rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.records import CheckRecord
from tfrobust.records import RowRecord

ADDED = ("adaptive", "AutoAttack")
_FALLEN = 10.0


def survivors(table: PaperTable, records: Sequence[RowRecord]) -> list[str]:
    """Return what falls under the added attacks, which comes first."""
    lines = []
    for row in table.models:
        found = [_strongest(r) for r in records if r.row == row]
        left = [value for value in found if value is not None]
        if left and statistics.fmean(left) < _FALLEN:
            lines.append(f"- {row}: {statistics.fmean(left):.1f} % is left")
    if not lines:
        return []
    asked = [
        {"adaptive": "the adaptive attack"}.get(name, name)
        for name in ADDED
        if any(r.values.get(name) is not None for r in records)
    ]
    return [
        f"What does not survive {' and '.join(asked)}, less than "
        f"{_FALLEN:g} % being left:",
        "\n".join(lines),
    ]


def _strongest(record: RowRecord) -> float | None:
    """Return the least accuracy that an added attack left."""
    left = [record.values.get(name) for name in ADDED]
    numbers = [value for value in left if value is not None]
    return min(numbers, default=None)


def suspicions(table: PaperTable, records: Sequence[RowRecord]) -> list[str]:
    """Return each row's checks of masking that weren't ok.

    Of several seeds the one with the largest number is told.
    """
    lines = []
    for row in table.models:
        checks = [c for r in records if r.row == row for c in r.masking]
        worst: dict[str, CheckRecord] = {}
        for check in sorted(checks, key=lambda c: c.number):
            if check.verdict != "ok":
                worst[check.name] = check
        if worst:
            told = (
                f"{name} {check.number:.3g} ({check.verdict})"
                for name, check in sorted(worst.items())
            )
            lines.append(f"- {row}: {', '.join(told)}")
    if not lines:
        return []
    head = "What the masking reports found, of several seeds the worst each:"
    return [head, "\n".join(lines)]
