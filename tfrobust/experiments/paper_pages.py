"""The page of a paper's table, from the records of its rows."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from tfrobust import reports
from tfrobust.experiments.paper_details import details
from tfrobust.experiments.paper_details import image_counts
from tfrobust.experiments.paper_details import stand_ins
from tfrobust.experiments.paper_findings import ADDED
from tfrobust.experiments.paper_findings import survivors
from tfrobust.experiments.paper_findings import suspicions
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.provenance import recorded
from tfrobust.records import RowRecord

# In a row's provenance: revisions of the code that looked at its model.
EVALUATED_AT = "evaluated_at"
Rows = list[list[str]]


def paper_rows(
    table: PaperTable,
    records: Sequence[RowRecord],
    estimates: Mapping[str, str] | None = None,
) -> Rows:
    """Return header and rows: ours over the seeds, the paper's in brackets.

    Args:
        table: of the paper.
        records: of any of its rows.
        estimates: row -> how long it would take, where it was not run.
    """
    estimates = estimates or {}
    titles = _titles(table)
    header = ["row", *titles, "masking", "seeds", "min"]
    rows = [header]
    for row in table.models:
        published = published_values(table, row)
        done = [r for r in records if r.row == row]
        if not done:
            told = f"not run{estimates.get(row, '')}"
            cells = [_cell([], published.get(title)) for title in titles]
            rows.append([f"{row} ({told})", *cells, "", "", ""])
            continue
        cells = [
            _cell([r.values.get(t) for r in done], published.get(t))
            for t in titles
        ]
        minutes = statistics.fmean(r.seconds for r in done) / 60
        rows.append(
            [row, *cells, _masking(done), str(len(done)), f"{minutes:.1f}"]
        )
    return rows


def page_text(
    paper: str,
    name: str,
    scale: str,
    table: PaperTable,
    records: Sequence[RowRecord],
    pictures: Sequence[str] = (),
    estimates: Mapping[str, str] | None = None,
    kept: Collection[str] = (),
) -> str:
    """Return a page in Markdown.

    Args:
        paper, name: what the table is called.
        scale: of the records.
        table: captions and published numbers.
        records: of its rows.
        pictures: file names.
        estimates: row -> how long it would take, where it was not run.
        kept: names of models whose weights are kept.
    """
    command = f"python -m tools.reproduce --paper={paper} --table={name}"
    parts = [
        f"# {paper}, {name}, scale {scale}",
        f"Written by `{command} --scale={scale}` from its records"
        f"{_origins(records)}.",
        f"{table.caption}.",
    ]
    if table.settings[scale].note:
        parts.append(table.settings[scale].note)
    if scale == "smoke":
        parts.append(
            "Digits, a small network, one epoch: this only checks that the "
            "command runs, and its numbers mean nothing. What notes tell of "
            "settings is of other scales."
        )
    else:
        parts += stand_ins(table, scale)
    parts += survivors(table, records)
    if table.columns or table.transfer is not None:
        parts.append(_legend(table, scale))
        parts.append(reports.as_markdown(paper_rows(table, records, estimates)))
        parts += image_counts(table, scale)
    elif not pictures:
        parts.append(_not_drawn(table, estimates or {}))
    parts += suspicions(table, records)
    parts += [f"![{table.caption}]({name})" for name in pictures]
    if pictures:
        parts.append(
            "Drawn of first seeds' weights on record, or of these rounded to "
            "float16 as kept."
        )
    parts += _regression(table, records)
    if table.notes:
        parts.append(table.notes)
    parts += details(table, scale, records, kept)
    return "\n\n".join(parts) + "\n"


def _legend(table: PaperTable, scale: str) -> str:
    """Return what a table's numbers are."""
    told = (
        "This project's numbers, mean and standard deviation over the seeds "
        "where there are several"
    )
    if table.published:
        told += "; in brackets the paper's"
    added = [c.title for c in table.columns if c.title in ADDED]
    if added:
        verb = "is no column" if len(added) == 1 else "are no columns"
        told += f". {' and '.join(added)} {verb} of the paper's table"
    if added and table.transfer is not None:
        told += (
            f"; the radius there is {_radius(table.settings[scale].epsilon)}, "
            f"of the rows' points {_radius(table.transfer['epsilon'])}"
        )
    return (
        f"{told}. masking is the worst verdict of the masking report; min a "
        "training's minutes by the clock, whatever else the machine did."
    )


def _radius(epsilon: float) -> str:
    """Return a radius as it is usually told."""
    whole = epsilon == round(epsilon, 2)
    return f"{epsilon:g}" if whole else f"{255 * epsilon:g}/255"


def _not_drawn(table: PaperTable, estimates: Mapping[str, str]) -> str:
    """Return what a figure lacks that nobody has drawn."""
    rows = [f"{row}{estimates.get(row, '')}" for row in table.models]
    return f"Not run. It is drawn of {', '.join(rows)}."


def _titles(table: PaperTable) -> list[str]:
    own = [c.title for c in table.columns if c.title not in ADDED]
    added = [c.title for c in table.columns if c.title in ADDED]
    sources = list(table.models) if table.transfer is not None else []
    return [*own, *sources, *added]


def published_values(table: PaperTable, row: str) -> dict[str, float]:
    """Return title -> the paper's number, where it has one."""
    titles = [t for t in _titles(table) if t not in ADDED]
    pairs = zip(titles, table.published.get(row, ()), strict=False)
    return {title: value for title, value in pairs if value is not None}


def _cell(values: Sequence[float | None], published: float | None) -> str:
    numbers = [v for v in values if v is not None]
    text = "-"
    if numbers:
        text = f"{round(statistics.fmean(numbers), 4):.4g}"
    if len(numbers) > 1:
        text += f" ± {statistics.stdev(numbers):.2g}"
    return text if published is None else f"{text} ({published:g})"


def _masking(records: Sequence[RowRecord]) -> str:
    order = ("failed", "suspicious", "ok")
    verdicts = {c.verdict for r in records for c in r.masking}
    return next((v for v in order if v in verdicts), "-")


def _regression(table: PaperTable, records: Sequence[RowRecord]) -> list[str]:
    """Return R^2 of lines that predict the response over the models."""
    if table.response is None:
        return []
    means = mean_values(table, records).values()
    rows = [["predictor", "R2", "line", "rows"]]
    for title in _titles(table):
        pairs = [
            (values[title], values[table.response])
            for values in means
            if title in values and table.response in values
        ]
        if title in (*ADDED, table.response) or len(pairs) < 3:
            continue
        x, y = (np.array(column, float) for column in zip(*pairs, strict=True))
        name = title
        if title in table.roots:
            x, name = np.sqrt(x), f"sqrt({title})"
        fit = f"{reports.determination(x, y):.3f}"
        line = "rises" if reports.rises(x, y) else "falls"
        rows.append([name, fit, line, f"{len(pairs)} of {len(table.models)}"])
    if len(rows) == 1:
        return []
    told = f"How well a line predicts {table.response} over the rows:"
    return [told, reports.as_markdown(rows)]


def mean_values(
    table: PaperTable, records: Sequence[RowRecord]
) -> dict[str, dict[str, float]]:
    """Return row -> title -> mean over the seeds, of what there is."""
    means = {}
    for row in table.models:
        done = [r for r in records if r.row == row]
        values = {}
        for title in _titles(table):
            found = [r.values.get(title) for r in done]
            numbers = [v for v in found if v is not None]
            if numbers:
                values[title] = statistics.fmean(numbers)
        if values:
            means[row] = values
    return means


def _origins(records: Sequence[RowRecord]) -> str:
    if not records:
        return ""
    trained = {recorded(r.provenance, "revision") for r in records}
    seen = {one for r in records for one in r.provenance.get(EVALUATED_AT, ())}
    first = records[0].provenance
    parts = [
        ", ".join(f"{k} {recorded(first, k)}" for k in ("tensorflow", "keras"))
    ]
    for done, revisions in (("trained", trained), ("evaluated", seen)):
        if revisions:
            parts.append(f"{done} at revisions {', '.join(sorted(revisions))}")
    text = "; ".join(parts)
    if "+" in text:
        text += "; + marks a checkout with uncommitted files"
    return f" ({text})"
