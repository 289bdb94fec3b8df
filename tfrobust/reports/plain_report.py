"""A report of many records as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from tfrobust.records import confidence_interval
from tfrobust.records import EvaluationRecord
from tfrobust.reports.effort import ball_name
from tfrobust.reports.effort import not_tried
from tfrobust.reports.effort import settings_text
from tfrobust.reports.effort import with_verdicts
from tfrobust.reports.expectations import expectation_rows
from tfrobust.reports.kinds import caption
from tfrobust.reports.kinds import KINDS
from tfrobust.reports.kinds import told
from tfrobust.reports.shelf import Shelf
from tfrobust.reports.tables import as_markdown
from tfrobust.reports.tables import markdown_text
from tfrobust.reports.tables import robustness_rows
from tfrobust.reports.tables import settings_lines


def markdown_report(shelf: Shelf, title: str) -> str:
    """Return the tables of a report as Markdown."""
    parts = [_heading(1, title)]
    for group, records in shelf.evaluations().items():
        rows = with_verdicts(robustness_rows(records), records)
        parts += [_heading(2, group), as_markdown(rows)]
        for record in records:
            lines = [*settings_lines(record)]
            lines += [f"not tried: {line}" for line in not_tried(record)]
            lines += [
                f"masked gradients, {c.verdict}: {c.name} {c.number:.3f}, "
                f"{c.meaning}"
                for c in record.masking
            ]
            parts += [_heading(3, record.model), _bullets(lines)]
    for _, record in shelf.records:
        if type(record) in KINDS:
            kind = KINDS[type(record)]
            parts.append(_heading(2, f"{kind.title}: {record.model}"))
            parts += [
                markdown_text(caption(drawing.meaning, [record]))
                for drawing in kind.drawings
            ]
            parts += map(as_markdown, told(record))
    expectations = expectation_rows(shelf)
    if len(expectations) > 1:
        parts += ["## What papers expect", as_markdown(expectations)]
    if shelf.problems:
        parts += ["## Not to be read", _bullets(shelf.problems)]
    return "\n\n".join(parts) + "\n"


def csv_report(shelf: Shelf) -> str:
    """Return a line for each model and attack, "worst case" among them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("model", "model_digest", "data", "split", "threat_model"),
            *("attack", "accuracy", "low", "high", "num_examples"),
            *("seed", "revision", "settings"),
        ]
    )
    for records in shelf.evaluations().values():
        for record in records:
            writer.writerows(_csv_rows(record))
    return out.getvalue()


def _csv_rows(record: EvaluationRecord) -> list[list[Any]]:
    origin = record.provenance
    of = [record.model, record.model_digest, record.data, record.split]
    outcomes = [("clean", record.clean, "")]
    outcomes += [
        (a.name, a.robust, settings_text(a.settings)) for a in record.attacks
    ]
    outcomes.append(("worst case", record.worst_case, ""))
    rows = []
    for name, right, settings in outcomes:
        total = len(right)
        low, high = confidence_interval(sum(right), total)
        numbers = [f"{v:.4f}" for v in (sum(right) / total, low, high)]
        versions = [origin.get("seed", ""), origin.get("revision", "")]
        row = [*of, ball_name(record), name, *numbers, total, *versions]
        rows.append([_inert(cell) for cell in [*row, settings]])
    return rows


def _inert(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    risky = isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r"))
    return f"'{cell}" if risky else cell


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def _heading(level: int, text: str) -> str:
    return f"{'#' * level} {markdown_text(text)}"
