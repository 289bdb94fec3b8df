"""The page of what the papers claim, judged by our own records."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from typing import cast

from tfrobust.arguments import check_choice
from tfrobust.experiments.claim_judges import Finding
from tfrobust.experiments.claims import Claim
from tfrobust.experiments.claims import CLAIMS
from tfrobust.experiments.claims import OVERHEADS
from tfrobust.experiments.page_files import check_page
from tfrobust.experiments.page_files import write_text
from tfrobust.experiments.paper_details import ALL_IMAGES
from tfrobust.experiments.paper_details import num_examples
from tfrobust.experiments.paper_pages import mean_values
from tfrobust.experiments.paper_pages import published_values
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.papers.tables import SCALES
from tfrobust.experiments.reproducing import paper_work
from tfrobust.experiments.reproducing import row_directory
from tfrobust.records import BenchmarkRecord
from tfrobust.records import read_record
from tfrobust.records import RowRecord

_STEPS = {call for o in OVERHEADS for call in (o.call, o.over)}


def write_claims(
    records_dir: str | pathlib.Path,
    scale: str,
    page: str | pathlib.Path,
    train_step: str | pathlib.Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Write `claims_text` to a file.

    Args:
        records_dir, scale: as there.
        page: the file.
        train_step: of a benchmark of training steps, its record.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for an unknown scale, a directory without a record of
            it, a page that isn't a Markdown file, or a file that is no
            benchmark of training steps.
    """
    check_choice("scale", scale, SCALES)
    check_page(page)
    if not any(pathlib.Path(records_dir).glob(f"*/*-{scale}/[!.]*.json")):
        raise ValueError(
            f"There is no record of a paper's row at scale {scale} below "
            f"{records_dir}."
        )
    steps = None if train_step is None else _read_steps(train_step)
    text = claims_text(records_dir, scale, steps)
    write_text(page, text)
    say(f"{page}: {_counts(text)}")


def _counts(text: str) -> str:
    """Return how many claims of a page have each verdict."""
    counts = ", ".join(
        f"{text.count(f'**{verdict}')} {verdict.lower()}"
        for verdict in ("Held", "Did not hold", "Not run")
    )
    return f"{counts}."


def claims_text(
    records_dir: str | pathlib.Path,
    scale: str,
    train_step: BenchmarkRecord | None = None,
) -> str:
    """Return a page: each claim, whether it held, and the numbers.

    Args:
        records_dir: of the tables' rows.
        scale: of which rows.
        train_step: of training steps, for what is claimed of them; default
            none of that.
    """
    parts = [
        f"# What the papers claim, and what we ask, at scale {scale}",
        "Written by `python -m tools.reproduce --claims` from the records of "
        "the tables' rows. A verdict is of the means over this scale's seeds, "
        "networks and budgets, and no statistical test; how many images, "
        "tells what a point is worth. Where the paper has the numbers, the "
        "same is asked of them.",
    ]
    if scale == "smoke":
        parts.append(
            "This scale only checks that the commands run: its numbers, and "
            "what they say of a claim, mean nothing."
        )
    for claim in CLAIMS:
        works = [
            paper_work(claim.paper, name, scale, ".")
            for name in (claim.table, claim.beside)
            if name
        ]
        own = works[0].table.models
        # A row that the table itself has yet to run is not another's.
        records = [
            record
            for work in works
            for record in work.records(row_directory(records_dir, work))
            if work is works[0] or record.row not in own
        ]
        text = _paragraph(claim, works, records, records_dir)
        parts += [f"## {claim.text}", text]
    for overhead in OVERHEADS:
        text = "**Not run**: no benchmark of training steps was given."
        if train_step is not None:
            judge = functools.partial(overhead.judge, train_step)
            _, text = _judged(judge)
            told = train_step.configuration
            text += (
                f" ({told['architecture']}, batch {told['batch_size']}; "
                "`python -m tools.benchmark --suite=train_step`)"
            )
        parts += [f"## {overhead.text}", text]
    parts.insert(2, f"In all {_counts(''.join(parts))}")
    return "\n\n".join(parts) + "\n"


def _paragraph(
    claim: Claim,
    works: Sequence[PaperRows],
    records: Sequence[RowRecord],
    records_dir: str | pathlib.Path,
) -> str:
    """Return the verdict, its numbers, the paper's, and where ours are.

    Args:
        claim: to judge.
        works: its table, and the one beside it.
        records: of their rows.
        records_dir: where their pages are.
    """
    rows: dict[str, _Numbers] = {}
    read: set[tuple[str, str]] = set()
    published: dict[str, dict[str, float]] = {}
    for work in works:
        own = [r for r in records if r.table == work.name]
        means = mean_values(work.table, own)
        rows |= {row: _Numbers(v, row, read) for row, v in means.items()}
        published = _published(work) | published
    held, text = _judged(functools.partial(claim.judge, rows))
    if claim.why and works[0].scale == "cpu" and held is claim.explains:
        text += f" {claim.why}"
    theirs, told = _judged(functools.partial(claim.judge, published))
    if theirs is not None:
        text += f" The paper's numbers: {told.partition('.** ')[2]}"
        if not theirs:
            text += " By these it would not hold."
    origin = ", beside ".join(_where(work, records_dir) for work in works)
    return f"{text} ({origin}{_sizes(works, records, read)})"


class _Numbers(dict[str, float]):
    """A row's numbers, which notes those that a verdict is read from."""

    def __init__(
        self,
        values: Mapping[str, float],
        row: str,
        read: set[tuple[str, str]],
    ) -> None:
        super().__init__(values)
        self._row, self._read = row, read

    def __getitem__(self, title: str) -> float:
        self._read.add((self._row, title))
        return super().__getitem__(title)


def _judged(judge: Callable[[], Finding]) -> tuple[bool | None, str]:
    """Return whether a claim held, `None` if nobody knows, and a text."""
    try:
        held, told = judge()
    except KeyError as missing:
        return None, f"**Not run**: no number yet of {missing.args[0]}."
    return held, f"**{'Held' if held else 'Did not hold'}.** {told}."


def _published(work: PaperRows) -> dict[str, dict[str, float]]:
    return {
        row: published_values(work.table, row) for row in work.table.published
    }


def _where(work: PaperRows, records_dir: str | pathlib.Path) -> str:
    name = f"{work.paper}, {work.name}"
    path = f"{work.paper}/{work.name}-{work.scale}.md"
    has_page = (pathlib.Path(records_dir) / path).is_file()
    return f"[{name}]({path})" if has_page else name


def _sizes(
    works: Sequence[PaperRows],
    records: Sequence[RowRecord],
    read: Set[tuple[str, str]],
) -> str:
    """Return how many seeds and images a verdict's numbers are of.

    Args:
        works: tables.
        records: of their rows.
        read: row and title of each number.
    """
    tables = {record.row: record.table for record in records}
    rows = [record.row for record in records]
    counts = {w.name: num_examples(w.table, w.scale) for w in works}
    seeds = sorted({rows.count(row) for row, _ in read if row in tables})
    images = sorted(
        {
            counts[tables[row]].get(title) or ALL_IMAGES
            for row, title in read
            if row in tables
        }
    )
    told = [_span(seeds, "seed"), _span(images, "image")]
    text = ", ".join(text for text in told if text)
    return f"; {text}" if text else ""


def _span(counts: Sequence[int], unit: str) -> str:
    if not counts:
        return ""
    ends = dict.fromkeys(f"{n:,}" for n in (counts[0], counts[-1]))
    return f"{' to '.join(ends)} {unit}{'' if counts[-1] == 1 else 's'}"


def _read_steps(path: str | pathlib.Path) -> BenchmarkRecord:
    if not pathlib.Path(path).is_file():
        raise ValueError(f"There is no file {path}.")
    record = read_record(path)
    if (
        not isinstance(record, BenchmarkRecord)
        or not {*record.seconds} >= _STEPS
    ):
        raise ValueError(
            f"{path} is no benchmark.json of tools.benchmark "
            "--suite=train_step with all of "
            f"{', '.join(sorted(_STEPS))}."
        )
    return cast(BenchmarkRecord, record)
