"""What every cell of the papers' tables will take, before it is run."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.experiments.estimates import attack_minutes
from tfrobust.experiments.estimates import inner_steps
from tfrobust.experiments.estimates import probe_path
from tfrobust.experiments.estimates import read_probe
from tfrobust.experiments.estimates import training_minutes
from tfrobust.experiments.page_files import check_page
from tfrobust.experiments.page_files import write_text
from tfrobust.experiments.paper_details import network
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.papers import PRIORITY
from tfrobust.experiments.probing import probe
from tfrobust.experiments.reproducing import make_directory
from tfrobust.experiments.reproducing import paper_work
from tfrobust.experiments.reproducing import row_directory
from tfrobust.experiments.reproducing import write_page
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import ProbeRecord
from tfrobust.records import write_record

Seen = dict[tuple[str, str], str]
"""(A training's name, itself or attacks on it) -> the table that counts it."""
_HEADER = [
    "row",
    "network",
    "parameters",
    "epochs",
    "inner steps",
    "seeds",
    "training min",
    "attacks min",
    "done",
]


def plan(
    records_dir: str | pathlib.Path,
    *,
    scale: str = "cpu",
    page: str | pathlib.Path,
    data_dir: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Write what each row of each table takes, in the order of its worth.

    Times come from fifty steps of each training, which are kept. Each
    table's page is written, too, with estimates of what it lacks.

    Args:
        records_dir: of rows that are done; probes are kept there too.
        scale: "cpu" or "paper"; a smoke is over before it is planned.
        page: a Markdown file to write.
        data_dir: where prepared sets are.
        say: is told what a person should know; default `print`.
    """
    check_choice("scale", scale, ("cpu", "paper"))
    check_page(page)
    records = pathlib.Path(records_dir)
    make_directory(records / "probes")
    seen: Seen = {}
    parts, total, left = [], 0.0, 0.0
    for paper, name in PRIORITY:
        work = paper_work(paper, name, scale, records, data_dir)
        unknown = {
            path
            for path in (
                probe_path(records, work, r) for r in work.table.models
            )
            if not path.is_file()
        }
        probing = f": {len(unknown)} to probe, half a minute or more each"
        say(f"{paper} {name}{probing if unknown else ''}")
        rows, minutes, undone = _rows(work, records, seen)
        write_page(work, row_directory(records, work))
        total += minutes
        left += undone
        parts += [
            f"## {paper}, {name}",
            f"{work.table.caption}. {minutes / 60:.1f} hours.",
            reports.as_markdown([_HEADER, *rows]),
        ]
    unlisted = {
        (paper, name) for paper, tables in PAPERS.items() for name in tables
    } - set(PRIORITY)
    if unlisted:
        raise ValueError(f"No priority is given for {sorted(unlisted)}.")
    head = [
        f"# What reproducing the papers takes, scale {scale}",
        f"Written by `python -m tools.reproduce --plan --scale={scale}`, in "
        "the order in which it is run. Training times come from fifty steps "
        "of each. Attacks' are those of the AutoAttack that we add: all of it "
        "for a model that was trained with an inner maximisation or is "
        "attacked at less than the data's usual radius, and APGD-CE alone for "
        "any other, which should fall to it. The tables' own attacks, "
        "analyses and pictures, minutes each, are not counted. What an "
        'earlier table has in the same settings is counted there ("as"), '
        "and done here where this table has its record. At scale cpu the "
        "papers' own tables of MNIST, but for gradient leaking's, have three "
        "seeds of what takes under five minutes there by this count; figures "
        "have one. "
        f"In all {total / 60:.1f} hours, of which what isn't done yet takes "
        f"{left / 60:.1f}.",
    ]
    write_text(page, "\n\n".join([*head, *parts]) + "\n")
    say(f"{page}: {total / 60:.1f} hours.")


def _rows(
    work: PaperRows, records: pathlib.Path, seen: Seen
) -> tuple[list[list[str]], float, float]:
    """Return a table's rows, the minutes that they add, and those undone."""
    where = row_directory(records, work)
    finished = {(r.row, r.provenance["seed"]) for r in work.records(where)}
    rows, total, left = [], 0.0, 0.0
    for row in work.table.models:
        seeds = work.table.seeds(row, work.scale)
        config = work.training(row, seeds[0])
        found = _probe(config, probe_path(records, work, row))
        cells, minutes = _takes(work, row, found, seen)
        total += sum(minutes.values())
        undone = [seed for seed in seeds if (row, seed) not in finished]
        left += sum(minutes[seed] for seed in undone)
        rows.append(
            [
                row,
                f"{network(config.architecture, config.width)}, {config.data}",
                f"{found.num_parameters:,}",
                str(config.epochs),
                str(inner_steps(config) or "-"),
                str(len(seeds)),
                *cells,
                f"{len(seeds) - len(undone)} of {len(seeds)}",
            ]
        )
    return rows, total, left


def _takes(
    work: PaperRows, row: str, found: ProbeRecord, seen: Seen
) -> tuple[list[str], dict[int, float]]:
    """Return what a row's first seed takes, in words, and what each adds.

    Args:
        work, row: the row.
        found: a probe of its training.
        seen: what tables before count; what this one does is added.
    """
    own = f"{work.paper} {work.name}"
    seeds = work.table.seeds(row, work.scale)
    config = work.training(row, seeds[0])
    parts = {"training": training_minutes(found)}
    attacks = work.look_digests(row, seeds[0]).get("added")
    if attacks is not None:
        parts[attacks] = attack_minutes(work, config, found)
    cells, added = [], dict.fromkeys(seeds, 0.0)
    for part, minutes in parts.items():
        for seed in seeds:
            key = work.directory(row, seed).name, part
            added[seed] += 0.0 if key in seen else minutes
            seen.setdefault(key, own)
        owner = seen[work.directory(row, seeds[0]).name, part]
        cells.append(f"{minutes:.1f}" if owner == own else f"as {owner}")
    return (cells if attacks else [*cells, "-"]), added


def _probe(config: TrainingConfig, path: pathlib.Path) -> ProbeRecord:
    """Return what is known of a training's steps, taken now or before."""
    if path.is_file():
        return read_probe(path)
    found = probe(config)
    write_record(found, path)
    return found
