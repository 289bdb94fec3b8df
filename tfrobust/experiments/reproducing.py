"""Tables of papers: trained, attacked, and laid out beside the papers'."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable
from collections.abc import Sequence

from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.experiments.estimates import estimates
from tfrobust.experiments.kept_weights import keep_weights
from tfrobust.experiments.paper_pages import page_text
from tfrobust.experiments.paper_pages import paper_rows
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.paper_rows import read_row
from tfrobust.experiments.paper_rows import slug
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.papers.tables import SCALES
from tfrobust.recipes.arguments import pick
from tfrobust.records import RowRecord
from tfrobust.records import whole_file
from tfrobust.records import write_record

Say = Callable[[str], None]


def find_paper_table(paper: str, table: str) -> PaperTable:
    """Return a table by name, or raise with the nearest."""
    tables = pick("paper", paper, PAPERS)
    return pick("table", table, tables)


def reproduce(
    paper: str,
    table: str,
    output_dir: str | pathlib.Path,
    *,
    scale: str = "cpu",
    rows: Sequence[str] = (),
    num_seeds: int | None = None,
    records_dir: str | pathlib.Path | None = None,
    data_dir: str | None = None,
    say: Say = print,
) -> list[RowRecord]:
    """Train and attack the rows of a paper's table, and lay it out.

    What is finished is kept: models under `output_dir`, shared by tables
    whose rows are trained alike, and a record of each row and seed under
    `records_dir`, from which alone the page there is written. First seeds'
    weights of up to 1 MB as float16 are kept there too, for `zoo.load`; where
    `output_dir` lacks their training, other tables' rows are of them.

    Args:
        paper: a key of `PAPERS`.
        table: one of its tables or figures.
        output_dir: models and what was seen of them go here.
        scale: "paper", the published setting; "cpu", what two cores do in
            hours; "smoke", a check that it runs, on digits.
        rows: the rows to do, titles or names of their files; default all.
        num_seeds: how many of each row's seeds to do, at least 1; default
            all.
        records_dir: records and the page go here; default `output_dir`.
        data_dir: where prepared sets are.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for an unknown paper, table, row or scale, and for
            `num_seeds` below 1; for a file among the table's records that
            is none, and for a directory that can't be written to.
    """
    if num_seeds is not None:
        check_integer("num_seeds", num_seeds, minimum=1)
    records_dir = records_dir or output_dir
    work = paper_work(paper, table, scale, output_dir, data_dir)
    work = dataclasses.replace(work, kept_dir=kept_directory(records_dir))
    found = work.table
    titles = {slug(title): title for title in found.models}
    rows = [pick("row", slug(row), titles) for row in rows]
    where = row_directory(records_dir, work)
    make_directory(where)
    # What is in the way says so now, not after hours of training.
    work.records(where)
    estimates(work, pathlib.Path(records_dir))
    make_directory(work.output_dir / "models")
    make_directory(kept_directory(records_dir))
    chosen = [
        (row, seed)
        for row in rows or found.models
        for seed in found.seeds(row, scale)[:num_seeds]
    ]
    for number, (row, seed) in enumerate(chosen, 1):
        say(f"[{number}/{len(chosen)}] {paper} {table}: {row}, seed {seed}")
        path = where / f"{slug(row)}-{seed}.json"
        kept = read_row(path)
        if kept is None or not work.is_of(kept, row, seed):
            record = work.record(row, seed)
            keep_weights(work, record, seed, kept_directory(records_dir))
            if seed == found.seeds(row, scale)[0]:
                # They are of other weights than will be on record.
                for picture in where.glob("[!.]*.png"):
                    picture.unlink()
            write_record(record, path)
            write_page(work, where)
    if found.transfer is not None:
        work.add_transfers(where, say)
    if not rows:
        for look in found.pictures:
            if not list(where.glob(f"{slug(look)}-*.png")):
                _draw(work, look, where, say)
    write_page(work, where)
    done = work.records(where)
    say(reports.as_text(paper_rows(found, done)))
    say(f"Page: {where}.md, from the records in {where}.")
    return done


def paper_work(
    paper: str,
    table: str,
    scale: str,
    output_dir: str | pathlib.Path,
    data_dir: str | None = None,
) -> PaperRows:
    """Return the rows of a table at a scale.

    Raises:
        ValueError: for an unknown paper, table or scale.
    """
    found = find_paper_table(paper, table)
    check_choice("scale", scale, SCALES)
    output = pathlib.Path(output_dir).resolve()
    return PaperRows(found, paper, table, scale, output, data_dir)


def row_directory(
    records_dir: str | pathlib.Path, work: PaperRows
) -> pathlib.Path:
    """Return where a table's records are."""
    return pathlib.Path(records_dir) / work.paper / f"{work.name}-{work.scale}"


def kept_directory(records_dir: str | pathlib.Path) -> pathlib.Path:
    """Return where first seeds' cards and weights are."""
    return pathlib.Path(records_dir).resolve() / "models"


def make_directory(path: pathlib.Path) -> None:
    """Make a directory that can be written to, or say why it can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"{path} can't be made: a file is in its way."
        ) from error
    except OSError as error:
        raise ValueError(
            f"{path} can't be written to: {error.strerror}."
        ) from error


def write_page(work: PaperRows, directory: pathlib.Path) -> None:
    """Write a table's page from its records."""
    pictures = sorted(
        f"{directory.name}/{path.name}" for path in directory.glob("[!.]*.png")
    )
    text = page_text(
        work.paper,
        work.name,
        work.scale,
        work.table,
        work.records(directory),
        pictures,
        estimates(work, directory.parents[1]),
        {
            p.stem
            for p in kept_directory(directory.parents[1]).glob("[!.]*.npz")
        },
    )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(directory.with_name(f"{directory.name}.md")) as part:
        part.write_text(text)


def _draw(work: PaperRows, look: str, where: pathlib.Path, say: Say) -> None:
    """Draw an analysis of all rows' first seeds, in one picture each kind.

    Of the weights on record, or of these as kept; else there is none.
    """
    weights = work.first_weights(where)
    gone = [row for row in work.table.models if weights.get(row) is None]
    if gone:
        say(f"Not drawn: no weights as on record of {', '.join(gone)}.")
        return
    records = [
        dataclasses.replace(
            work.look(
                look, row, work.table.seeds(row, work.scale)[0], weights[row]
            ),
            model=row,
        )
        for row in work.table.models
    ]
    for number, drawing in enumerate(reports.KINDS[type(records[0])].drawings):
        name = f"{slug(look)}-{number + 1}"
        if drawing.abreast:
            drawing.save(records, where / f"{name}.png")
            continue
        for record in records:
            own = where / f"{name}-{slug(record.model)}.png"
            drawing.save([record], own)
