"""Train and attack the rows of a table, and write its page.

python -m tools.reproduce --table=digits --output_dir=runs/digits
python -m tools.reproduce --paper=local-flatness --table=table-1 \\
    --scale=cpu --output_dir=runs/papers --records_dir=docs/results/papers
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tfrobust import recipes
from tfrobust.arguments import check_choice
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_PAPER = FLAGS.string(
    "paper", None, f"{', '.join(experiments.PAPERS)}; default: our own tables"
)
_TABLE = FLAGS.string(
    "table",
    None,
    f"{', '.join(recipes.COMPARISONS)}: defenses side by side; "
    f"{', '.join(experiments.MASKED_TABLES)}: masked gradients; of a paper "
    "one of its tables or figures (they are listed where it is missing)",
)
_SCALE = FLAGS.string(
    "scale",
    "cpu",
    "paper: as published; cpu: what two cores do in hours; smoke: a check",
)
_ROWS = FLAGS.names(
    "rows",
    "",
    "of a paper's table, as their files, such as mat_so; default all",
)
_NUM_SEEDS = FLAGS.integer(
    "num_seeds", None, "how many of each row's seeds to do; default all"
)
_PLAN = FLAGS.switch("plan", "only tell what the papers' tables take")
_CLAIMS = FLAGS.switch("claims", "only tell which of the papers' claims held")
_DATA_DIR = FLAGS.string("data_dir", None, "where prepared sets are")
_TRAIN_STEP = FLAGS.string(
    "train_step",
    None,
    "for --claims of overhead: benchmark.json of tools.benchmark",
)

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir",
    None,
    "run directories go here; what is finished there is kept; default "
    "runs/papers, of our own tables runs/TABLE",
)
_RECORDS_DIR = FLAGS.string(
    "records_dir",
    None,
    "records and pages of a paper's rows go here; default output_dir",
)
_PAGE = FLAGS.string(
    "page",
    None,
    "a Markdown file to write; a paper's table has its own, in records_dir",
)


_OWN = "without --paper, a table of our own"
_PLACES = ("output_dir", "records_dir")
# What is done, and the flags that it reads.
_TAKEN = {
    "--plan": ("plan", "page", "scale", "data_dir", *_PLACES),
    "--claims": ("claims", "page", "scale", "train_step", *_PLACES),
    "a paper's table": (
        *("paper", "table", "scale", "rows", "num_seeds", "data_dir"),
        *_PLACES,
    ),
    _OWN: ("table", "data_dir", "page", "output_dir"),
}


def main() -> None:
    """Compare as the flags say."""
    if _PLAN.value or _CLAIMS.value:
        _tell()
    elif _PAPER.value is not None:
        _paper_table()
    else:
        _own_table()


def _tell() -> None:
    """Write the page of what all tables take, or of what they settle."""
    _check_taken("--plan" if _PLAN.value else "--claims")
    if _PAGE.value is None:
        raise ValueError("Pass --page, the file to write. Received: page=None")
    records_dir = _RECORDS_DIR.value or _OUTPUT_DIR.value or "runs/papers"
    if _PLAN.value:
        experiments.plan(
            records_dir,
            scale=_SCALE.value,
            page=_PAGE.value,
            data_dir=_DATA_DIR.value,
        )
    else:
        experiments.write_claims(
            records_dir, _SCALE.value, _PAGE.value, _TRAIN_STEP.value
        )


def _paper_table() -> None:
    """Do the rows of a paper's table; its page goes with their records."""
    _check_taken("a paper's table")
    if _TABLE.value is None:
        tables = experiments.PAPERS.get(_PAPER.value, {})
        of = f", of {_PAPER.value}: {', '.join(tables)}" if tables else ""
        raise ValueError(f"Pass --table{of}. Received: table=None")
    output_dir = _OUTPUT_DIR.value or "runs/papers"
    experiments.reproduce(
        _PAPER.value,
        _TABLE.value,
        output_dir,
        scale=_SCALE.value,
        rows=_ROWS.value,
        num_seeds=_NUM_SEEDS.value,
        records_dir=_RECORDS_DIR.value or output_dir,
        data_dir=_DATA_DIR.value,
    )


def _own_table() -> None:
    """Put defenses, or models that mask, side by side."""
    _check_taken(_OWN)
    tables = {
        **dict.fromkeys(recipes.COMPARISONS, experiments.compare),
        **dict.fromkeys(experiments.MASKED_TABLES, experiments.masking_table),
    }
    if _TABLE.value is None:
        raise ValueError("Pass --table. Received: table=None")
    check_choice("table", _TABLE.value, tuple(tables))
    tables[_TABLE.value](
        _TABLE.value,
        _OUTPUT_DIR.value or f"runs/{_TABLE.value}",
        page=_PAGE.value,
        data_dir=_DATA_DIR.value,
    )


def _check_taken(what: str) -> None:
    """Raise `ValueError` for a flag that would be ignored."""
    others = [name for name in FLAGS.given() if name not in _TAKEN[what]]
    if others:
        taken = (f"--{n}" for n in _TAKEN[what] if f"--{n}" != what)
        raise ValueError(
            f"{what} takes {', '.join(taken)}. "
            f"Received: {', '.join(f'--{name}' for name in others)}"
        )


if __name__ == "__main__":
    cli.run(main, FLAGS)
