"""Train three classifiers on digits, attack them, print one table.

python -m tools.quickstart
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from absl import flags

from tfrobust import experiments
from tools import cli

_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", "runs/quickstart", "where models and records go"
)


def main() -> None:
    """Run the quickstart."""
    experiments.quickstart(_OUTPUT_DIR.value)


if __name__ == "__main__":
    cli.run(main, __doc__, {"Run": (_OUTPUT_DIR,)})
