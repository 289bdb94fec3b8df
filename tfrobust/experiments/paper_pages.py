"""The page of a paper's table, from the records of its rows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from tfrobust import reports
from tfrobust.experiments.paper_findings import ADDED
from tfrobust.experiments.paper_findings import survivors
from tfrobust.experiments.paper_findings import suspicions
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.provenance import told
from tfrobust.experiments.run_names import run_name
from tfrobust.records import RowRecord

# In a row's provenance: revisions of the code that looked at its model.
EVALUATED_AT = "evaluated_at"
# There: whether the model was weights that had been kept as float16.
ROUNDED = "rounded"
_SCHEDULE = ("constant_epochs", "epsilon_warm_up", "weight_warm_up")
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
) -> str:
    """Return a page in Markdown.

    Args:
        paper, name: what the table is called.
        scale: of the records.
        table: captions and published numbers.
        records: of its rows.
        pictures: file names.
        estimates: row -> how long it would take, where it was not run.
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
            "command runs, and its numbers mean nothing."
        )
    parts += survivors(table, records)
    if table.columns or table.transfer is not None:
        parts.append(
            "This project's numbers, mean and standard deviation over the "
            "seeds where there are several; in brackets the paper's. adaptive "
            "and AutoAttack are no part of the paper. masking is the worst "
            "verdict of the masking report; min a training's minutes, on a "
            "machine with other work on it."
        )
        parts.append(reports.as_markdown(paper_rows(table, records, estimates)))
    parts += suspicions(table, records)
    parts += [f"![{table.caption}]({name})" for name in pictures]
    parts += _regression(table, records)
    if table.notes:
        parts.append(table.notes)
    parts += _details(table, records)
    return "\n\n".join(parts) + "\n"


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
    rows = [["predictor", "R2"]]
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
        rows.append([name, f"{reports.determination(x, y):.3f}"])
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
    trained = {told(r.provenance, "revision") for r in records}
    seen = {one for r in records for one in r.provenance.get(EVALUATED_AT, ())}
    first = records[0].provenance
    parts = [
        ", ".join(f"{k} {told(first, k)}" for k in ("tensorflow", "keras"))
    ]
    for done, revisions in (("trained", trained), ("evaluated", seen)):
        if revisions:
            parts.append(f"{done} at revisions {', '.join(sorted(revisions))}")
    text = "; ".join(parts)
    if "+" in text:
        text += "; + marks a checkout with uncommitted files"
    return f" ({text})"


def _details(table: PaperTable, records: Sequence[RowRecord]) -> list[str]:
    """Return how rows were trained, and how hard attacks tried."""
    if not records:
        return []
    first: dict[str, RowRecord] = {}
    for record in records:
        first.setdefault(record.row, record)
    trained = [
        f"- {row}: {_training(first[row])}; {run_name(first[row].training)}"
        f"{', as kept' if first[row].provenance.get(ROUNDED) else ''}"
        for row in table.models
        if row in first
    ]
    told = "Trainings, and the names of their first seeds' models"
    if any(record.provenance.get(ROUNDED) for record in first.values()):
        told += " (as kept: rounded to float16, as `zoo.load` returns them)"
    return [
        f"{told}:",
        "\n".join(trained),
        *_attacks(table, first),
    ]


def _attacks(table: PaperTable, first: Mapping[str, RowRecord]) -> list[str]:
    """Return how hard the attacks of each column tried, on how many images."""
    parts = []
    for look in table.looks:
        titles = [c.title for c in table.columns if c.look == look]
        budgets = dict.fromkeys(
            line.removeprefix(f"{look}: ")
            for record in first.values()
            for line in record.budgets
            if line.startswith(f"{look}: ")
        )
        counts = {
            r.examples[look] for r in first.values() if look in r.examples
        }
        if not titles or not budgets:
            continue
        images = " or ".join(f"{count:,}" for count in sorted(counts))
        parts += [
            f"Attacks of {', '.join(titles)}, on the first {images} test "
            "images:",
            "\n".join(f"- {line}" for line in budgets),
        ]
    return parts


def _training(record: RowRecord) -> str:
    """Return a training's settings, without those that no row sets."""
    training = record.training
    settings = ", ".join(
        f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}"
        for k, v in training["settings"].items()
    )
    network = training["architecture"]
    schedule = ", ".join(
        f"{name} {training[name]}" for name in _SCHEDULE if training.get(name)
    )
    return (
        f"{training['defense']} ({settings or 'no settings'}), {network} on "
        f"{training['data']}, "
        f"{training['epochs']} epochs ({schedule or 'constant'}) of "
        f"{training['optimizer']} {training['learning_rate']:g}, batch "
        f"{training['batch_size']}"
    )
