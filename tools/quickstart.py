"""Train three classifiers on digits, attack them, print one table.

python -m tools.quickstart
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir", "runs/quickstart", "where models and records go"
)


def main() -> None:
    """Run the quickstart."""
    experiments.quickstart(_OUTPUT_DIR.value)


if __name__ == "__main__":
    cli.run(main, FLAGS)
