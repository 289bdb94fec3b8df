"""Search a recipe's settings: trials, finalists, a winner and a picture.

  python -m tools.tune --recipe=sgr --max_trials=20 --clean_floor=0.97 \\
      --output_dir=runs/tune_sgr

Exits with 1 where no trial may be called best, as below the floor;
search.json and search.png are there all the same.
"""

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust.experiments.search_config import SearchConfig
from tfrobust.experiments.search_config import TUNERS
from tfrobust.experiments.searching import search
from tools import cli
from tools.data_flags import DataFlags

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_RECIPE = FLAGS.string(
    "recipe",
    "sgr",
    "a defense of tools.train, projection (d) or noise (d, c)",
)
_SEARCH = FLAGS.names("search", None, "what is searched; default the recipe's")
_RANGES = FLAGS.names(
    "ranges", "", "e.g. weight=0.1:10,num_components=20:60,decay=0|0.9"
)
_FIXED = FLAGS.names("fixed", "", "settings not searched, e.g. num_steps=5")
_EPSILON = FLAGS.number("epsilon", None, "radius; default the data's")
_NORM = FLAGS.norm()

_DATA = DataFlags(FLAGS)

FLAGS.group("Search")
_TUNER = FLAGS.string("tuner", "bayesian", ", ".join(TUNERS))
_MAX_TRIALS = FLAGS.integer(
    "max_trials", None, "trainings; default 20, and Hyperband's own number"
)
_EPOCHS = FLAGS.integer("epochs", 10, "of a whole training")
_CLEAN_FLOOR = FLAGS.number(
    "clean_floor", 0.0, "least clean accuracy on the validation examples"
)
_FINALISTS = FLAGS.integer("finalists", 3, "trials that are attacked again")
_FINAL_ATTACKS = FLAGS.names(
    "final_attacks", "standard", "attacks or suites on the finalists"
)

FLAGS.group("Each training")
_ARCHITECTURE = FLAGS.string("architecture", None, "default the data's")
_BATCH_SIZE = FLAGS.integer("batch_size", 128, "examples in a step")
_LEARNING_RATE = FLAGS.number("learning_rate", 1e-3, "if it isn't searched")
_AUGMENT = FLAGS.switch("augment", "random shifts, and flips in colour")
_VALIDATION_EXAMPLES = FLAGS.integer(
    "validation_examples", None, "carved from train; default 10 %, <= 1000"
)
_VALIDATION_STEPS = FLAGS.integer(
    "validation_steps", 10, "PGD steps of validation after each epoch"
)
_STRATEGY = FLAGS.string("strategy", None, "mirrored: all GPUs")
_NUM_DEVICES = FLAGS.integer("num_devices", None, "of mirrored; default all")

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string("output_dir", None, "run directory", required=True)
_OVERWRITE = FLAGS.switch("overwrite", "replace the search there")
_RESUME = FLAGS.switch("resume", "continue the search there, if any")
_SEED = FLAGS.integer("seed", 0, "of the tuner; trial k has seed + k")


def main() -> None:
    """Search as the flags say."""
    config = SearchConfig(
        _RECIPE.value,
        **_DATA.settings(),
        tuner=_TUNER.value,
        max_trials=_MAX_TRIALS.value,
        epochs=_EPOCHS.value,
        search=_SEARCH.value,
        ranges=cli.pairs(_RANGES, str),
        settings=cli.pairs(_FIXED, cli.number),
        clean_floor=_CLEAN_FLOOR.value,
        finalists=_FINALISTS.value,
        final_attacks=_FINAL_ATTACKS.value,
        architecture=_ARCHITECTURE.value,
        batch_size=_BATCH_SIZE.value,
        epsilon=_EPSILON.value,
        norm=_NORM.value,
        learning_rate=_LEARNING_RATE.value,
        augment=_AUGMENT.value,
        validation_examples=_VALIDATION_EXAMPLES.value,
        validation_steps=_VALIDATION_STEPS.value,
        strategy=_STRATEGY.value,
        num_devices=_NUM_DEVICES.value,
        seed=_SEED.value,
    )
    directory = _OUTPUT_DIR.value
    record = search(
        config, directory, overwrite=_OVERWRITE.value, resume=_RESUME.value
    )
    if record is None:
        return
    print(f"Record: {directory}/search.json  Picture: {directory}/search.png")
    print(
        f"Winner: {directory}/winner.keras  Train it again: python -m "
        f"tools.train --flagfile={directory}/winner.flags --output_dir=..."
    )


if __name__ == "__main__":
    cli.run(main, FLAGS)
