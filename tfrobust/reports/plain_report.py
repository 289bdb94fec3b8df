"""A report of many records as Markdown and as CSV."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from tfrobust.records import confidence_interval
from tfrobust.records import EvaluationRecord
from tfrobust.records import TrainingRecord
from tfrobust.records import TransferRecord
from tfrobust.reports.effort import ball_name
from tfrobust.reports.effort import not_tried
from tfrobust.reports.effort import settings_text
from tfrobust.reports.effort import with_verdicts
from tfrobust.reports.expectations import expectation_rows
from tfrobust.reports.kinds import caption
from tfrobust.reports.kinds import KINDS
from tfrobust.reports.kinds import told
from tfrobust.reports.shelf import Shelf
from tfrobust.reports.tables import attack_rows
from tfrobust.reports.tables import median_norms
from tfrobust.reports.tables import robustness_rows
from tfrobust.reports.tables import settings_lines
from tfrobust.reports.tables import transfer_note
from tfrobust.reports.tables import transfer_rows
from tfrobust.reports.text import as_markdown
from tfrobust.reports.text import markdown_text
from tfrobust.reports.trainings import training_rows

Make = Callable[[], list[str]]


def markdown_report(shelf: Shelf, title: str) -> str:
    """Return the tables of a report as Markdown."""
    sections = list(_sections(shelf))
    headings = [heading for heading, _, _ in sections]
    parts = [_heading(1, title)]
    for heading, where, make in sections:
        if headings.count(heading) > 1:
            heading = f"{heading} ({where})"
        parts += [_heading(2, heading), *_guarded(make)]
    return "\n\n".join(parts) + "\n"


def _sections(shelf: Shelf) -> Iterator[tuple[str, str, Make]]:
    """Yield heading, where it was found, and what makes the parts."""
    for group, records in shelf.evaluations().items():
        yield group, "", functools.partial(_evaluations, records)
    for where, record in shelf.records:
        if type(record) in KINDS:
            heading = f"{KINDS[type(record)].title}: {record.model}"
            yield heading, where, functools.partial(_analysis, record)
    for where, record in shelf.of(TransferRecord):
        heading = f"Transfer, {record.data}"
        yield heading, where, functools.partial(_transfer, record)
    for where, record in shelf.of(TrainingRecord):
        make = functools.partial(_training, record)
        yield f"Training: {where}", where, make
    if any(type(record) in KINDS for _, record in shelf.records):
        make = functools.partial(_expectations, shelf)
        yield "What papers expect", "", make
    if shelf.problems:
        yield "Not to be read", "", lambda: [_bullets(shelf.problems)]


def _guarded(make: Make) -> list[str]:
    """Return a section's parts, or why there are none."""
    try:
        return make()
    # One odd record must not cost the whole report.
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return [markdown_text(f"This section could not be made. {what}")]


def _evaluations(records: Sequence[EvaluationRecord]) -> list[str]:
    rows = with_verdicts(robustness_rows(records), records)
    parts = [as_markdown(rows)]
    for record in records:
        lines = [*settings_lines(record)]
        lines += [f"not tried: {line}" for line in not_tried(record)]
        lines += [
            f"masked gradients, {c.verdict}: {c.name} {c.number:.3f}, "
            f"{c.meaning}"
            for c in record.masking
        ]
        parts += [_heading(3, record.model), as_markdown(attack_rows(record))]
        parts.append(_bullets(lines))
    return parts


def _analysis(record: Any) -> list[str]:
    captions = [
        markdown_text(caption(drawing.meaning, [record]))
        for drawing in KINDS[type(record)].drawings
    ]
    return [*captions, *map(as_markdown, told(record))]


def _transfer(record: TransferRecord) -> list[str]:
    parts = []
    for attack in record.accuracy:
        note = transfer_note(record, attack)
        rows = transfer_rows(record, attack)
        parts += [markdown_text(note), as_markdown(rows)]
    return parts


def _training(record: TrainingRecord) -> list[str]:
    return [as_markdown(training_rows(record))]


def _expectations(shelf: Shelf) -> list[str]:
    rows = expectation_rows(shelf)
    if len(rows) == 1:
        return ["No analysis here that a paper expects things of."]
    return [as_markdown(rows)]


def csv_report(shelf: Shelf) -> str:
    """Return a line for each model and attack, "worst case" among them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("model", "model_digest", "data", "split", "threat_model"),
            *("attack", "accuracy", "low", "high", "num_examples"),
            *("median_norm", "seed", "revision", "settings"),
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
    medians = median_norms(record)
    rows = []
    for name, right, settings in outcomes:
        total = len(right)
        low, high = confidence_interval(sum(right), total)
        numbers = [f"{v:.4f}" for v in (sum(right) / total, low, high)]
        versions = [origin.get("seed", ""), origin.get("revision", "")]
        numbers += [str(total), medians.get(name, "")]
        row = [*of, ball_name(record), name, *numbers, *versions, settings]
        rows.append([_inert(cell) for cell in row])
    return rows


def _inert(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula, or for two."""
    if not isinstance(cell, str):
        return cell
    line = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", cell)
    return f"'{line}" if line.lstrip().startswith(tuple("=+-@")) else line


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def _heading(level: int, text: str) -> str:
    return f"{'#' * level} {markdown_text(text)}"
