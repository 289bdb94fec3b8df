"""One report of many records, as a page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from tfrobust.records import CurveRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import TrainingRecord
from tfrobust.records import TransferRecord
from tfrobust.reports import html
from tfrobust.reports.effort import not_tried
from tfrobust.reports.effort import settings_text
from tfrobust.reports.effort import threat_model
from tfrobust.reports.effort import with_verdicts
from tfrobust.reports.expectations import expectation_rows
from tfrobust.reports.html import element
from tfrobust.reports.html import Html
from tfrobust.reports.indicators import indicator_rows
from tfrobust.reports.interactive import accuracy_curves
from tfrobust.reports.interactive import plotly_script
from tfrobust.reports.interactive import training_curves
from tfrobust.reports.kinds import caption
from tfrobust.reports.kinds import Drawing
from tfrobust.reports.kinds import KINDS
from tfrobust.reports.kinds import told
from tfrobust.reports.shelf import Shelf
from tfrobust.reports.tables import attack_rows
from tfrobust.reports.tables import robustness_rows
from tfrobust.reports.tables import settings_lines
from tfrobust.reports.tables import shown
from tfrobust.reports.tables import transfer_note
from tfrobust.reports.tables import transfer_rows
from tfrobust.reports.trainings import shown_metrics


def html_report(shelf: Shelf, title: str) -> str:
    """Return a page that needs nothing else, not even a network.

    Args:
        shelf: what to report.
        title: of the page.
    """
    sections = {
        "Models and attacks": _attacked,
        "Accuracy against the radius": _curves,
        "Masked gradients": _masking,
        "Not tried": _not_tried,
        "Transfer": _transfer,
        "Analyses": _analyses,
        "What papers expect": _expectations,
        "Training": _trainings,
        "How hard the attacks tried": _efforts,
        "Provenance": _provenance,
    }
    made = [(name, _guarded(make, shelf)) for name, make in sections.items()]
    return html.page(title, made, library=plotly_script())


def _guarded(make: Callable[[Shelf], Html], shelf: Shelf) -> Html:
    """Return a section, or why there is none."""
    try:
        return make(shelf)
    # One odd record must not cost the whole report.
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return html.absent(f"This section could not be made. {what}")


def _attacked(shelf: Shelf) -> Html:
    parts: list[Any] = [html.absent(problem) for problem in shelf.problems]
    for group, records in shelf.evaluations().items():
        rows: list[list[Any]] = []
        for row in with_verdicts(robustness_rows(records), records):
            verdict = row[-1]
            word = verdict.split(":")[0]
            rows.append([*row[:-1], element("span", verdict, css=word)])
        rows[0][-1] = "masked gradients"
        note = f"{group}; accuracy in %. Worst case is per example."
        parts.append(html.table(rows, caption=note, sortable=True))
        for record in records:
            parts.append(
                element(
                    "details",
                    element("summary", f"{record.model}: intervals"),
                    html.table(attack_rows(record)),
                )
            )
    return _joined(parts, "No evaluation was found: run tools.evaluate.")


def _curves(shelf: Shelf) -> Html:
    by_norm: dict[Any, list[tuple[str, CurveRecord]]] = {}
    for _, curve in shelf.of(CurveRecord):
        norm = str(threat_model(curve.attack).get("norm", "?"))
        by_norm.setdefault(norm, []).append((curve.model, curve))
    parts: list[Any] = []
    for curves in by_norm.values():
        parts.append(accuracy_curves(curves))
        first = curves[0][1]
        parts.append(
            element(
                "p",
                f"{first.num_examples} images, {shown(first.attack)}.",
                css="faint",
            )
        )
    return _joined(
        parts,
        "No accuracy against the radius was recorded: "
        "run tools.analyze --analysis=radius.",
    )


def _masking(shelf: Shelf) -> Html:
    parts: list[Any] = []
    without = [r.model for r in _flat(shelf) if not r.masking]
    if without:
        parts.append(
            html.absent(
                f"Not looked for: {', '.join(without)}. tools.evaluate looks, "
                "in an l-inf ball with a radius."
            )
        )
    for record in _flat(shelf):
        if not record.masking:
            continue
        parts.append(element("h3", record.model))
        rows: list[list[Any]] = [["check", "number", "verdict", "meaning"]]
        rows += [
            [
                check.name,
                f"{check.number:.3f}",
                element("span", check.verdict, css=check.verdict),
                check.meaning,
            ]
            for check in record.masking
        ]
        parts.append(html.table(rows, text_columns=(2, 3)))
    return _joined(parts, "No evaluation, no report on masked gradients.")


def _not_tried(shelf: Shelf) -> Html:
    models: dict[tuple[str, ...], list[str]] = {}
    for record in _flat(shelf):
        models.setdefault(tuple(not_tried(record)), []).append(record.model)
    parts: list[Any] = []
    for lines, names in models.items():
        parts.append(element("h3", ", ".join(names)))
        parts.append(html.listing(lines))
    return _joined(parts, "No model was attacked at all.")


def _transfer(shelf: Shelf) -> Html:
    parts: list[Any] = []
    for where, record in shelf.of(TransferRecord):
        for attack in record.accuracy:
            note = f"{where}, {transfer_note(record, attack)}"
            rows = transfer_rows(record, attack)
            parts.append(html.table(rows, caption=note))
    return _joined(parts, "No transfer matrix: run tools.transfer.")


def _analyses(shelf: Shelf) -> Html:
    parts: list[Any] = []
    for kind, how in KINDS.items():
        if kind is CurveRecord:
            continue  # has a section of its own, which answers to the pointer
        by_data: dict[str, list[Any]] = {}
        for _, record in shelf.of(kind):
            by_data.setdefault(record.data, []).append(record)
        for data, records in by_data.items():
            parts.append(element("h3", f"{how.title}, {data}"))
            for drawing in how.drawings:
                groups = drawing.groups(records)
                parts += [_drawn(drawing, group) for group in groups]
            for record in records:
                head = element("summary", f"{record.model}: numbers")
                inner = map(html.table, told(record))
                parts.append(element("details", head, *inner))
    parts += _regressions(shelf)
    return _joined(parts, "No analysis was found: run tools.analyze.")


def _expectations(shelf: Shelf) -> Html:
    rows = expectation_rows(shelf)
    if len(rows) == 1:
        return html.absent("No analysis here that a paper expects things of.")
    return html.table(rows, text_columns=(0, 1, 2))


def _regressions(shelf: Shelf) -> list[Html]:
    """Return what tells of robustness, where three models or more can say."""
    by_data: dict[str, list[LeakingRecord]] = {}
    for _, record in shelf.of(LeakingRecord):
        by_data.setdefault(record.data, []).append(record)
    parts = []
    for data, records in by_data.items():
        if len(records) < 3:
            continue
        parts.append(element("h3", f"What tells of robustness, {data}"))
        try:
            rows = indicator_rows(records)
        except ValueError as error:
            parts.append(html.absent(f"No regression: {error}"))
            continue
        parts.append(html.table(rows, text_columns=(1,)))
    return parts


def _drawn(drawing: Drawing, records: Sequence[Any]) -> Html:
    return html.picture(
        lambda path: drawing.save(records, path),
        caption(drawing.meaning, records),
    )


def _trainings(shelf: Shelf) -> Html:
    found = shelf.of(TrainingRecord)
    seen = dict.fromkeys(m for _, r in found for m in shown_metrics(r))
    parts = [training_curves(found, metric) for metric in seen]
    return _joined(parts, "No training was found.")


def _efforts(shelf: Shelf) -> Html:
    parts: list[Any] = []
    for record in _flat(shelf):
        parts.append(element("h3", record.model))
        parts.append(html.listing(settings_lines(record)))
    return _joined(parts, "No model was attacked at all.")


def _provenance(shelf: Shelf) -> Html:
    rows: list[list[Any]] = [["found in", "kind", "from"]]
    for where, record in shelf.records:
        origin = getattr(record, "provenance", {})
        kept = {k: v for k, v in origin.items() if k != "configuration"}
        rows.append([where, type(record).__name__, settings_text(kept)])
    return html.table(rows, text_columns=(1, 2))


def _flat(shelf: Shelf) -> list[EvaluationRecord]:
    return [r for group in shelf.evaluations().values() for r in group]


def _joined(parts: Sequence[Any], otherwise: str) -> Html:
    """Return the parts one after the other, or what to say without any."""
    if not parts:
        return html.absent(otherwise)
    return Html("".join(map(html.markup, parts)))
