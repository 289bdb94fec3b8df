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
_PAGE = FLAGS.string("page", None, "a Markdown file to write")


def main() -> None:
    """Compare as the flags say."""
    told = _PLAN.value or _CLAIMS.value
    if _PLAN.value and _CLAIMS.value:
        raise ValueError("Pass one of --plan and --claims. Received: both")
    if told and _PAGE.value is None:
        raise ValueError("Pass --page, the file to write. Received: page=None")
    of_rows = bool(_ROWS.value) or _NUM_SEEDS.value is not None
    if told and (_TABLE.value or _PAPER.value or of_rows):
        raise ValueError(
            "--plan and --claims are of all tables. Received: "
            f"paper={_PAPER.value}, table={_TABLE.value}, rows={_ROWS.value}, "
            f"num_seeds={_NUM_SEEDS.value}"
        )
    papers = told or _PAPER.value is not None
    output_dir = _OUTPUT_DIR.value or (
        "runs/papers" if papers else f"runs/{_TABLE.value}"
    )
    records_dir = _RECORDS_DIR.value or output_dir
    if _PLAN.value:
        experiments.plan(
            records_dir,
            scale=_SCALE.value,
            page=_PAGE.value,
            data_dir=_DATA_DIR.value,
        )
        return
    if _CLAIMS.value:
        experiments.write_claims(
            records_dir, _SCALE.value, _PAGE.value, _TRAIN_STEP.value
        )
        return
    if _TABLE.value is None:
        tables = experiments.PAPERS.get(_PAPER.value, {})
        of = f", of {_PAPER.value}: {', '.join(tables)}" if tables else ""
        raise ValueError(f"Pass --table{of}. Received: table=None")
    if _PAPER.value is not None:
        if _PAGE.value is not None or _TRAIN_STEP.value is not None:
            raise ValueError(
                "A paper's page goes to --records_dir; --page and --train_step "
                f"are for others. Received: page={_PAGE.value}, "
                f"train_step={_TRAIN_STEP.value}"
            )
        experiments.reproduce(
            _PAPER.value,
            _TABLE.value,
            output_dir,
            scale=_SCALE.value,
            rows=_ROWS.value,
            num_seeds=_NUM_SEEDS.value,
            records_dir=records_dir,
            data_dir=_DATA_DIR.value,
        )
        return
    if of_rows:
        raise ValueError(
            "--rows and --num_seeds are of a paper's table. Received: "
            f"paper=None, rows={_ROWS.value}, num_seeds={_NUM_SEEDS.value}"
        )
    tables = {
        **dict.fromkeys(recipes.COMPARISONS, experiments.compare),
        **dict.fromkeys(experiments.MASKED_TABLES, experiments.masking_table),
    }
    check_choice("table", _TABLE.value, tuple(tables))
    tables[_TABLE.value](
        _TABLE.value,
        output_dir,
        page=_PAGE.value,
        data_dir=_DATA_DIR.value,
    )


if __name__ == "__main__":
    cli.run(main, FLAGS)
