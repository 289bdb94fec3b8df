"""Train a classifier with a defense and write a run directory.

  python -m tools.train --data=digits --defense=adversarial_training \\
      --epsilon=0.15 --num_steps=10 --epochs=40 --output_dir=runs/digits_at
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
import inspect
from typing import Any

from absl import flags

from tfrobust import experiments
from tfrobust import recipes
from tools import cli
from tools import data_flags

_ARCHITECTURE = flags.DEFINE_string(
    "architecture",
    None,
    f"{', '.join(sorted(recipes.ARCHITECTURES))}; default the data's",
)
_ACTIVATION = flags.DEFINE_string("activation", "relu", "of the network")
_DROPOUT = flags.DEFINE_float("dropout", None, "rate; default the network's")

_DEFENSE = flags.DEFINE_string(
    "defense", "standard", ", ".join(sorted(recipes.DEFENSES))
)
_EPSILON = cli.define_number(
    "epsilon", None, "radius, pixels in [0, 1]; default the data's"
)
_NORM = cli.define_norm()
_WEIGHT = cli.define_number("weight", None, "of a penalty (lambda)")
_BETA = cli.define_number("beta", None, "weight of TRADES' KL term")
_STEP_SIZE = cli.define_number(
    "step_size", None, "of inner steps; default 2.5 epsilon / num_steps"
)
_NUM_STEPS = flags.DEFINE_integer("num_steps", None, "inner ascent steps")
_CLEAN_WEIGHT = cli.define_number(
    "clean_weight", None, "share of the clean loss in adversarial training"
)

_EPOCHS = flags.DEFINE_integer("epochs", 10, "passes over the training part")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "examples in a step")
_OPTIMIZER = flags.DEFINE_string("optimizer", "adam", "adam, sgd")
_LEARNING_RATE = cli.define_number("learning_rate", 1e-3, "at the start")
_CONSTANT_EPOCHS = flags.DEFINE_integer(
    "constant_epochs", None, "then linear to 0; default constant throughout"
)
_AUGMENT = flags.DEFINE_bool("augment", False, "random shifts, and flips")
_VALIDATION_EXAMPLES = flags.DEFINE_integer(
    "validation_examples", None, "carved from train; default 10 %, <= 1000"
)
_VALIDATION_STEPS = flags.DEFINE_integer(
    "validation_steps", 10, "PGD steps of validation after each epoch"
)

_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "run directory")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "replace the run there")
_RESUME = flags.DEFINE_bool("resume", False, "continue the run there")
_SEED = flags.DEFINE_integer("seed", 0, "of weights, order and noise")
_DTYPE_POLICY = flags.DEFINE_string(
    "dtype_policy", "float32", "Keras policy, e.g. mixed_bfloat16"
)
_TENSORBOARD = flags.DEFINE_bool("tensorboard", False, "write summaries")

GROUPS = {
    "Data": data_flags.ALL,
    "Network": (_ARCHITECTURE, _ACTIVATION, _DROPOUT),
    "Defense": (
        _DEFENSE,
        _EPSILON,
        _NORM,
        _WEIGHT,
        _BETA,
        _STEP_SIZE,
        _NUM_STEPS,
        _CLEAN_WEIGHT,
    ),
    "Training": (
        _EPOCHS,
        _BATCH_SIZE,
        _OPTIMIZER,
        _LEARNING_RATE,
        _CONSTANT_EPOCHS,
        _AUGMENT,
        _VALIDATION_EXAMPLES,
        _VALIDATION_STEPS,
    ),
    "Run": (
        _OUTPUT_DIR,
        _OVERWRITE,
        _RESUME,
        _SEED,
        _DTYPE_POLICY,
        _TENSORBOARD,
    ),
}
flags.mark_flags_as_required(["output_dir"])


def main() -> None:
    """Train as the flags say."""
    config = experiments.TrainingConfig(
        data_flags.DATA.value,
        data_dir=data_flags.DATA_DIR.value,
        image_size=data_flags.IMAGE_SIZE.value,
        architecture=_ARCHITECTURE.value,
        activation=_ACTIVATION.value,
        dropout=_DROPOUT.value,
        defense=_DEFENSE.value,
        settings=defense_settings(),
        epochs=_EPOCHS.value,
        batch_size=_BATCH_SIZE.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=_LEARNING_RATE.value,
        constant_epochs=_CONSTANT_EPOCHS.value,
        augment=_AUGMENT.value,
        validation_examples=_VALIDATION_EXAMPLES.value,
        epsilon=_EPSILON.value,
        norm=cli.norm_value(_NORM.value),
        validation_steps=_VALIDATION_STEPS.value,
        seed=_SEED.value,
        dtype_policy=_DTYPE_POLICY.value,
        tensorboard=_TENSORBOARD.value,
    )
    record = experiments.train(
        config,
        _OUTPUT_DIR.value,
        overwrite=_OVERWRITE.value,
        resume=_RESUME.value,
    )
    for name, figures in record.checkpoints.items():
        shown = ", ".join(f"{k} {v:.4g}" for k, v in figures.items())
        print(f"{_OUTPUT_DIR.value}/{name}: {shown}")


def defense_settings() -> dict[str, Any]:
    """Return the defense's arguments that were given, and its radius."""
    given = {
        "weight": _WEIGHT.value,
        "beta": _BETA.value,
        "step_size": _STEP_SIZE.value,
        "num_steps": _NUM_STEPS.value,
        "clean_weight": _CLEAN_WEIGHT.value,
    }
    settings = {k: v for k, v in given.items() if v is not None}
    recipe = recipes.DEFENSES.get(_DEFENSE.value)
    takes = inspect.signature(recipe).parameters if recipe else {}
    # Radius and norm also describe validation, so any defense may be given
    # them.
    if "epsilon" in takes:
        radius = _EPSILON.value
        if radius is None:
            radius = recipes.data_defaults(data_flags.DATA.value).epsilon
        settings["epsilon"] = radius
    if "norm" in takes:
        settings["norm"] = cli.norm_value(_NORM.value)
    return settings


if __name__ == "__main__":
    cli.run(main, __doc__, GROUPS)
