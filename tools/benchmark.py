"""Measure training steps, or attacks, against their floors.

python -m tools.benchmark --suite=train_step --output_dir=runs/benchmark
python -m tools.benchmark --suite=attacks --model=runs/at/last.keras
"""

from __future__ import annotations

import pathlib

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tfrobust.arguments import check_choice
from tfrobust.experiments.communication import communication_page
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_SUITE = FLAGS.string(
    "suite", "train_step", "train_step, attacks or communication (on paper)"
)
_ROUNDS = FLAGS.integer("rounds", 15, "how often all are timed in turn")

FLAGS.group("Training steps")
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
_DTYPE_POLICY = FLAGS.string(
    "dtype_policy", "float32", "Keras policy, e.g. mixed_bfloat16"
)

FLAGS.group("Attacks")
_MODEL = FLAGS.string(
    "model", None, "a .keras file, a .npz of a zoo, or zoo:NAME"
)
_ATTACKS = FLAGS.names(
    "attacks", "pgd,apgd_ce,apgd_t,fab_t,square", "attacks and suites"
)
_DATA = FLAGS.string("data", "digits", "an image set")
_DATA_DIR = FLAGS.string("data_dir", None, "where prepared sets are")
_NUM_EXAMPLES = FLAGS.integer("num_examples", 250, "first test images")
_EPSILON = FLAGS.number("epsilon", None, "radius, or inf; default the data's")
_NORM = FLAGS.norm()
_PEERS = FLAGS.switch(
    "peers", "Foolbox, CleverHans, ART too, where they are installed"
)
_BFLOAT16 = FLAGS.switch("bfloat16", "each attack in bfloat16 too")

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir", None, "run directory; default: only print"
)
_PAGE = FLAGS.string("page", None, "a Markdown file to write")
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_SEED = FLAGS.integer("seed", 0, "of weights and images")


def main() -> None:
    """Measure as the flags say."""
    suites = {
        "train_step": _train_step,
        "attacks": _attacks,
        "communication": _communication,
    }
    check_choice("suite", _SUITE.value, tuple(suites))
    suites[_SUITE.value]()
    if _OUTPUT_DIR.value is not None:
        print(f"Record: {_OUTPUT_DIR.value}/benchmark.json")


def _communication() -> None:
    if _OUTPUT_DIR.value is not None:
        raise ValueError(
            "--suite=communication times nothing and leaves no record; give "
            "--page."
        )
    text = communication_page()
    if _PAGE.value is None:
        print(text)
    else:
        pathlib.Path(_PAGE.value).write_text(text)


def _attacks() -> None:
    if _MODEL.value is None:
        raise ValueError("--suite=attacks needs --model, a .keras file.")
    config = experiments.AttackBenchmarkConfig(
        _MODEL.value,
        _ATTACKS.value,
        data=_DATA.value,
        data_dir=_DATA_DIR.value,
        num_examples=_NUM_EXAMPLES.value,
        epsilon=_EPSILON.value,
        norm=_NORM.value,
        peers=_PEERS.value,
        bfloat16=_BFLOAT16.value,
        rounds=_ROUNDS.value,
        seed=_SEED.value,
    )
    experiments.benchmark_attacks(
        config,
        _OUTPUT_DIR.value,
        overwrite=_OVERWRITE.value,
        page=_PAGE.value,
    )


def _train_step() -> None:
    height, width = _IMAGE_SIZE.value or (28, 28)
    config = experiments.BenchmarkConfig(
        _DEFENSES.value,
        architecture=_ARCHITECTURE.value,
        image_shape=(height, width, _CHANNELS.value),
        batch_size=_BATCH_SIZE.value,
        num_steps=_NUM_STEPS.value,
        rounds=_ROUNDS.value,
        dtype_policy=_DTYPE_POLICY.value,
        seed=_SEED.value,
    )
    experiments.benchmark(
        config,
        _OUTPUT_DIR.value,
        overwrite=_OVERWRITE.value,
        page=_PAGE.value,
    )


if __name__ == "__main__":
    cli.run(main, FLAGS)
