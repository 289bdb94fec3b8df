"""Train a classifier with a defense and write a run directory.

  python -m tools.train --data=digits --defense=adversarial_training \\
      --epsilon=0.15 --num_steps=10 --epochs=40 --output_dir=runs/digits_at
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from typing import Any

from tfrobust import experiments
from tfrobust import recipes
from tools import cli
from tools.data_flags import DataFlags

FLAGS = cli.FlagSet(__doc__)
_DATA = DataFlags(FLAGS)

FLAGS.group("Network")
_ARCHITECTURE = FLAGS.string(
    "architecture",
    None,
    f"{', '.join(sorted(recipes.ARCHITECTURES))}; default the data's",
)
_ACTIVATION = FLAGS.string("activation", "relu", "of the network")

FLAGS.group("Defense")
_DEFENSE = FLAGS.string(
    "defense", "standard", ", ".join(sorted(recipes.DEFENSES))
)
_EPSILON = FLAGS.number(
    "epsilon", None, "radius, pixels in [0, 1]; default the data's"
)
_NORM = FLAGS.norm()

FLAGS.group("Settings of some defenses", rare=True)
_NUMBERS = {
    "weight": "of a penalty (lambda, c)",
    "beta": "of TRADES' and MART's KL, of MAT's BIBO",
    "alpha": "of MAT's second-order loss",
    "slope_weight": "of LLR's slope (mu)",
    "step_size": "of inner steps; default 2.5 epsilon / num_steps",
    "clean_weight": "share of the clean loss in adversarial training",
    "decay": "of SGR's moving covariance",
    "decay_length": "of sgr_exponential's and noise's covariance, in pixels",
    "stddev": "of correlated_noise_training's noise",
    "center_norm": "length of MMC's and MAT's class centres",
}
_INTEGERS = {
    "num_steps": "inner ascent steps",
    "feature_width": "of MMC's and MAT's linear features",
}
_SETTINGS = {n: FLAGS.number(n, None, text) for n, text in _NUMBERS.items()}
_SETTINGS |= {n: FLAGS.integer(n, None, text) for n, text in _INTEGERS.items()}
_SETTINGS["label_source"] = FLAGS.string(
    "label_source",
    None,
    "true or predicted: the class an attack within leads away from; "
    "default true",
)
_SETTINGS["perturbation_label_source"] = FLAGS.string(
    "perturbation_label_source",
    None,
    "true or predicted: the class SGR perturbs for; default predicted",
)

FLAGS.group("Added to any defense", rare=True)
_ADDED = {
    "jacobian_weight": "of a penalty on the decision function's Jacobian",
    "gradient_norm_weight": "of a penalty on the squared gradient norm",
    "gradient_l1_weight": "of a penalty on the gradient's l1 norm",
    "structured_gradient_weight": "of SGR's penalty, learned from gradients",
    "weight_decay": "times the squared kernels in the loss",
    "awp_radius": "of adversarial weight perturbation",
    "noise_scale": "of noise beside a projection; default 10",
}
_COMPONENTS = {
    "num_components": "project training images on principal components",
    "num_noise_components": "with noise in so many more; default 0",
}
_SETTINGS |= {n: FLAGS.number(n, None, text) for n, text in _ADDED.items()}
_SETTINGS |= {
    n: FLAGS.integer(n, None, text) for n, text in _COMPONENTS.items()
}

FLAGS.group("Details of some networks", rare=True)
_DEPTH = FLAGS.integer("depth", None, "layers; default the network's")
_WIDTH = FLAGS.integer("width", None, "channels or their multiple; likewise")
_DROPOUT = FLAGS.number("dropout", None, "rate; default the network's")
_STANDARDIZE = FLAGS.switch(
    "standardize", "pixels by the training images' mean and variance, within"
)

FLAGS.group("Training")
_EPOCHS = FLAGS.integer("epochs", 10, "passes over the training part")
_BATCH_SIZE = FLAGS.integer("batch_size", 128, "examples in a step")
_OPTIMIZER = FLAGS.string("optimizer", "adam", "adam, sgd")
_LEARNING_RATE = FLAGS.number("learning_rate", 1e-3, "at the start")
_CONSTANT_EPOCHS = FLAGS.integer(
    "constant_epochs", None, "then linear to 0; default constant throughout"
)
_EPSILON_WARM_UP = FLAGS.integer(
    "epsilon_warm_up", 0, "epochs over which the radius grows"
)
_WEIGHT_WARM_UP = FLAGS.integer(
    "weight_warm_up", 0, "epochs over which the robust terms grow"
)
_AUGMENT = FLAGS.switch("augment", "random shifts, and flips in colour")
_VALIDATION_EXAMPLES = FLAGS.integer(
    "validation_examples", None, "carved from train; default 10 %, <= 1000"
)
_VALIDATION_STEPS = FLAGS.integer(
    "validation_steps", 10, "PGD steps of validation after each epoch"
)

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string("output_dir", None, "run directory", required=True)
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_RESUME = FLAGS.switch("resume", "continue the run there, if there is one")
_SEED = FLAGS.integer("seed", 0, "of weights, order and noise")

FLAGS.group("Several devices, backups, summaries", rare=True)
_DTYPE_POLICY = FLAGS.string(
    "dtype_policy", "float32", "Keras policy, e.g. mixed_bfloat16"
)
_TENSORBOARD = FLAGS.switch("tensorboard", "write summaries")
_LEAKING_COMPONENTS = FLAGS.names(
    "leaking_components", "", "log the gradient's share in so many of the PCA"
)
_BACKUP_EVERY = FLAGS.integer(
    "backup_every", None, "steps between backups inside an epoch; default none"
)
_STRATEGY = FLAGS.string(
    "strategy", None, "mirrored: all GPUs; multi_worker: those of TF_CONFIG"
)
_NUM_DEVICES = FLAGS.integer("num_devices", None, "of mirrored; default all")
_VALIDATION_SEED = FLAGS.integer(
    "validation_seed", None, "of the validation examples; default --seed"
)
_CLEAN_FLOOR = FLAGS.number(
    "clean_floor", 0.0, "val_accuracy below which an epoch is no best_robust"
)
_BEGIN_WITH = FLAGS.string(
    "begin_with", None, "a last.keras to go on with until --epochs are done"
)


def main() -> None:
    """Train as the flags say."""
    config = experiments.TrainingConfig(
        **_DATA.settings(),
        architecture=_ARCHITECTURE.value,
        activation=_ACTIVATION.value,
        depth=_DEPTH.value,
        width=_WIDTH.value,
        dropout=_DROPOUT.value,
        standardize=_STANDARDIZE.value,
        defense=_DEFENSE.value,
        settings=given_settings(),
        epochs=_EPOCHS.value,
        batch_size=_BATCH_SIZE.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=_LEARNING_RATE.value,
        constant_epochs=_CONSTANT_EPOCHS.value,
        epsilon_warm_up=_EPSILON_WARM_UP.value,
        weight_warm_up=_WEIGHT_WARM_UP.value,
        augment=_AUGMENT.value,
        validation_examples=_VALIDATION_EXAMPLES.value,
        epsilon=_EPSILON.value,
        norm=_NORM.value,
        validation_steps=_VALIDATION_STEPS.value,
        seed=_SEED.value,
        dtype_policy=_DTYPE_POLICY.value,
        tensorboard=_TENSORBOARD.value,
        backup_every=_BACKUP_EVERY.value,
        strategy=_STRATEGY.value,
        num_devices=_NUM_DEVICES.value,
        validation_seed=_VALIDATION_SEED.value,
        clean_floor=_CLEAN_FLOOR.value,
        begin_with=_BEGIN_WITH.value,
        leaking_components=cli.numbers(_LEAKING_COMPONENTS, int),
    )
    directory = _OUTPUT_DIR.value
    record = experiments.train(
        config, directory, overwrite=_OVERWRITE.value, resume=_RESUME.value
    )
    for name, figures in record.checkpoints.items():
        shown = ", ".join(f"{k} {v:.4g}" for k, v in figures.items())
        print(f"{directory}/{name}: {shown}")


def given_settings() -> dict[str, Any]:
    """Return the defense's arguments that were given, and its radius."""
    given = {name: flag.value for name, flag in _SETTINGS.items()}
    settings = {k: v for k, v in given.items() if v is not None}
    # Radius and norm also describe validation, so any defense may be given
    # them; only some take them.
    takes = recipes.defense_settings(_DEFENSE.value)
    if "epsilon" in takes:
        usual = recipes.data_defaults(_DATA.settings()["data"]).epsilon
        radius = _EPSILON.value
        settings["epsilon"] = usual if radius is None else radius
    if "norm" in takes:
        settings["norm"] = _NORM.value
    recipes.check_norm(_DEFENSE.value, _NORM.value)
    return settings


if __name__ == "__main__":
    cli.run(main, FLAGS)
