"""Records that are reported together."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records import EvaluationRecord
from tfrobust.reports.effort import ball_name


@dataclasses.dataclass(frozen=True)
class Shelf:
    """Records that are reported together.

    Attributes:
        records: (where it was found, record), in order.
        problems: what could not be read, a line each.
    """

    records: tuple[tuple[str, Any], ...]
    problems: tuple[str, ...] = ()

    def of(self, kind: type) -> list[tuple[str, Any]]:
        """Return the records of one kind."""
        return [(w, r) for w, r in self.records if isinstance(r, kind)]

    def evaluations(self) -> dict[str, list[EvaluationRecord]]:
        """Return evaluations of one data set, ball and count together.

        Two of one name are told apart by where they were found.
        """
        found = self.of(EvaluationRecord)
        names = [record.model for _, record in found]
        groups: dict[str, list[EvaluationRecord]] = {}
        for where, record in found:
            if names.count(record.model) > 1:
                name = f"{record.model} ({where})"
                record = dataclasses.replace(record, model=name)
            group = (
                f"{record.data}, {record.split}, {ball_name(record)}, "
                f"{record.num_examples} images"
            )
            groups.setdefault(group, []).append(record)
        return groups
