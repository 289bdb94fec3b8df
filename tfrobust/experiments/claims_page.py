"""The page of what the papers claim, judged by our own records."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from typing import cast

from tfrobust.experiments.claim_judges import Finding
from tfrobust.experiments.claims import CLAIMS
from tfrobust.experiments.claims import OVERHEADS
from tfrobust.experiments.paper_pages import mean_values
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.reproducing import read_rows
from tfrobust.experiments.reproducing import row_directory
from tfrobust.records import BenchmarkRecord
from tfrobust.records import read_record


def write_claims(
    records_dir: str | pathlib.Path,
    scale: str,
    page: str | pathlib.Path,
    train_step: str | pathlib.Path | None = None,
) -> None:
    """Write `claims_text` to a file.

    Args:
        records_dir, scale: as there.
        page: the file.
        train_step: of a benchmark of training steps, its record.
    """
    steps = None if train_step is None else read_record(train_step)
    text = claims_text(records_dir, scale, cast(BenchmarkRecord | None, steps))
    pathlib.Path(page).write_text(text)


def _verdict(judge: Callable[[], Finding], why: str = "") -> str:
    try:
        held, told = judge()
    except KeyError as missing:
        return f"**Not run**: no number yet of {missing.args[0]}."
    return f"**{'Held' if held else 'Did not hold'}.** {told}. {why}".rstrip()


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
        f"# What the papers claim, at scale {scale}",
        "Written by `python -m tools.reproduce --claims` from the records of "
        "the tables' rows; held or not, it is of this scale's networks and "
        "budgets.",
    ]
    for claim in CLAIMS:
        table = PAPERS[claim.paper][claim.table]
        where = row_directory(records_dir, claim.paper, claim.table, scale)
        rows = mean_values(table, read_rows(where))
        why = claim.why if scale == "cpu" else ""
        verdict = _verdict(functools.partial(claim.judge, rows), why)
        link = f"[{claim.paper}, {claim.table}]"
        path = f"{claim.paper}/{claim.table}-{scale}.md"
        parts += [f"## {claim.text}", f"{verdict} ({link}({path}))"]
    if train_step is not None:
        for overhead in OVERHEADS:
            judge = functools.partial(overhead.judge, train_step)
            parts += [f"## {overhead.text}", _verdict(judge)]
    return "\n\n".join(parts) + "\n"
