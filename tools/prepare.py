"""Download and prepare an image set of tensorflow-datasets.

python -m tools.prepare --data=mnist --data_dir=$HOME/tensorflow_datasets
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from absl import flags

from tfrobust import experiments
from tools import cli

_DATA = flags.DEFINE_string("data", None, "mnist, cifar10, svhn_cropped, ...")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "where prepared sets go")
flags.mark_flags_as_required(["data", "data_dir"])


def main() -> None:
    """Prepare as the flags say."""
    where = experiments.prepare(_DATA.value, _DATA_DIR.value)
    print(f"Prepared {_DATA.value} in {where}")


if __name__ == "__main__":
    cli.run(main, __doc__, {"Data": (_DATA, _DATA_DIR)})
