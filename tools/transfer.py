"""Show each model the adversarial points that were made on the others.

  python -m tools.transfer --models=runs/a/last.keras,runs/b/last.keras \\
      --data=digits --attacks=pgd --output_dir=runs/transfer
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli
from tools.data_flags import DataFlags

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("Models")
_MODELS = FLAGS.names(
    "models", "", ".keras files, or .npz of a zoo, at least two"
)

_DATA = DataFlags(FLAGS, of_model=True)
_NUM_EXAMPLES = FLAGS.integer(
    "num_examples", 1000, "the first so many test images"
)

FLAGS.group("Attacks")
_ATTACKS = FLAGS.names("attacks", "fgsm,pgd,pgd_margin", "as of tools.evaluate")
_EPSILON = FLAGS.number(
    "epsilon", None, "radius, pixels in [0, 1]; default the data's"
)
_NORM = FLAGS.norm()
_NUM_STEPS = FLAGS.integer("num_steps", 40, "of iterative attacks")

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir", None, "run directory; default: only print"
)
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_SEED = FLAGS.integer("seed", 0, "of random starts and noise")
_BATCH_SIZE = FLAGS.integer("batch_size", 250, "attacked at a time")


def main() -> None:
    """Transfer as the flags say."""
    config = experiments.TransferConfig(
        _MODELS.value,
        **_DATA.settings(*_MODELS.value[:1]),
        num_examples=_NUM_EXAMPLES.value,
        attacks=_ATTACKS.value,
        norm=_NORM.value,
        epsilon=_EPSILON.value,
        num_steps=_NUM_STEPS.value,
        seed=_SEED.value,
        batch_size=_BATCH_SIZE.value,
    )
    directory = _OUTPUT_DIR.value
    experiments.transfer(config, directory, overwrite=_OVERWRITE.value)
    if directory is not None:
        print(f"Record: {directory}/transfer.json")


if __name__ == "__main__":
    cli.run(main, FLAGS)
