"""Lay what runs have found on one page that needs no network.

python -m tools.report --runs=runs/quickstart --out=runs/report.html
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_RUNS = FLAGS.names(
    "runs", "", "run directories, searched to the bottom, or record files"
)
_TITLE = FLAGS.string("title", "Robustness report", "of the page")

FLAGS.group("Where")
_OUT = FLAGS.string(
    "out", None, "the page, .html; .md and .csv go beside it", required=True
)
_OVERWRITE = FLAGS.switch(
    "overwrite", "replace files there that are no report, too"
)


def main() -> None:
    """Report as the flags say."""
    experiments.report(
        _RUNS.value,
        _OUT.value,
        title=_TITLE.value,
        overwrite=_OVERWRITE.value,
    )


if __name__ == "__main__":
    cli.run(main, FLAGS)
