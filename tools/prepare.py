"""Download and prepare an image set of tensorflow-datasets.

python -m tools.prepare --data=mnist --data_dir=$HOME/tensorflow_datasets
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("Data")
_DATA = FLAGS.string("data", None, "mnist, cifar10, ...", required=True)
_DATA_DIR = FLAGS.string(
    "data_dir", None, "where prepared sets go", required=True
)


def main() -> None:
    """Prepare as the flags say."""
    where = experiments.prepare(_DATA.value, _DATA_DIR.value)
    print(f"Prepared {_DATA.value} in {where}")


if __name__ == "__main__":
    cli.run(main, FLAGS)
