"""Train and attack the defenses of a table, and write its page.

python -m tools.reproduce --table=digits --output_dir=runs/digits
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
_TABLE = FLAGS.string(
    "table",
    None,
    f"{', '.join(recipes.COMPARISONS)}: defenses side by side; "
    f"{', '.join(experiments.MASKED_TABLES)}: masked gradients",
    required=True,
)
_DATA_DIR = FLAGS.string("data_dir", None, "where prepared sets are")

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir",
    None,
    "run directories go here; what is finished there is kept",
    required=True,
)
_PAGE = FLAGS.string("page", None, "a Markdown file to write")


def main() -> None:
    """Compare as the flags say."""
    tables = {
        **dict.fromkeys(recipes.COMPARISONS, experiments.compare),
        **dict.fromkeys(experiments.MASKED_TABLES, experiments.masking_table),
    }
    check_choice("table", _TABLE.value, tuple(tables))
    tables[_TABLE.value](
        _TABLE.value,
        _OUTPUT_DIR.value,
        page=_PAGE.value,
        data_dir=_DATA_DIR.value,
    )


if __name__ == "__main__":
    cli.run(main, FLAGS)
