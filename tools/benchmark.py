"""Measure training steps against plain Keras and their floors.

python -m tools.benchmark --suite=train_step --output_dir=runs/benchmark
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_SUITE = FLAGS.string("suite", "train_step", "train_step")
_DEFENSES = FLAGS.names(
    "defenses",
    ",".join(experiments.FLOORS),
    "what to time",
)
_ARCHITECTURE = FLAGS.string("architecture", "small_cnn", "the network")
_IMAGE_SIZE = FLAGS.size("image_size", "of grey images; default 28x28")
_CHANNELS = FLAGS.integer("channels", 1, "of an image")
_BATCH_SIZE = FLAGS.integer("batch_size", 128, "examples in a step")
_NUM_STEPS = FLAGS.integer("num_steps", 10, "of inner ascents")
_ROUNDS = FLAGS.integer("rounds", 15, "how often all are timed in turn")
_DTYPE_POLICY = FLAGS.string(
    "dtype_policy", "float32", "Keras policy, e.g. mixed_bfloat16"
)

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir", None, "run directory; default: only print"
)
_PAGE = FLAGS.string("page", None, "a Markdown file to write")
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_SEED = FLAGS.integer("seed", 0, "of weights and images")


def main() -> None:
    """Measure as the flags say."""
    height, width = _IMAGE_SIZE.value or (28, 28)
    config = experiments.BenchmarkConfig(
        _DEFENSES.value,
        suite=_SUITE.value,
        architecture=_ARCHITECTURE.value,
        image_shape=(height, width, _CHANNELS.value),
        batch_size=_BATCH_SIZE.value,
        num_steps=_NUM_STEPS.value,
        rounds=_ROUNDS.value,
        dtype_policy=_DTYPE_POLICY.value,
        seed=_SEED.value,
    )
    directory = _OUTPUT_DIR.value
    experiments.benchmark(
        config, directory, overwrite=_OVERWRITE.value, page=_PAGE.value
    )
    if directory is not None:
        print(f"Record: {directory}/benchmark.json")


if __name__ == "__main__":
    cli.run(main, FLAGS)
