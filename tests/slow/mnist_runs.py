"""The MNIST runs behind docs/results/mnist.md; finished ones are kept."""

import pathlib

from tfrobust import experiments
from tfrobust.attacks import predict_logits
from tfrobust.data import load_tfds
from tfrobust.records import read_record

ROOT = pathlib.Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
RUNS = ROOT / "runs" / "slow"
REFERENCE = "mnist_at.keras"

_EPSILON = 0.3
_COMMON = {
    "data_dir": str(SHARED / "tfds"),
    "epochs": 4,
    "constant_epochs": 2,
    "batch_size": 128,
    "validation_examples": 0,
    "epsilon": _EPSILON,
}
TRAININGS = {
    "at": experiments.TrainingConfig(
        "mnist",
        defense="adversarial_training",
        settings={
            "epsilon": _EPSILON,
            "norm": "inf",
            "num_steps": 7,
            "step_size": 0.1,
        },
        **_COMMON,
    ),
    "lfr": experiments.TrainingConfig(
        "mnist",
        defense="lfr",
        settings={
            "epsilon": _EPSILON,
            "num_steps": 7,
            "step_size": 0.1,
            "weight": 0.02,
        },
        **_COMMON,
    ),
}


def train(name):
    """Train a model, go on with it, or find it finished; return its record."""
    directory = RUNS / name
    finished = directory / "training.json"
    if finished.is_file():
        return read_record(finished)
    resume = (directory / "config.json").is_file()
    return experiments.train(TRAININGS[name], directory, resume=resume)


def evaluate(name, model, **changes):
    """Attack a model file, or find it done; return the record."""
    directory = RUNS / f"{name}_eval"
    done = directory / "evaluation.json"
    if done.is_file():
        return read_record(done)
    config = experiments.EvaluationConfig(
        str(model),
        data="mnist",
        data_dir=str(SHARED / "tfds"),
        epsilon=_EPSILON,
        step_size=0.01875,
        **changes,
    )
    return experiments.evaluate(config, directory, overwrite=True)


def clean_accuracy(path):
    """Return (right, of all) test images of a model file."""
    test = load_tfds("mnist", SHARED / "tfds").test
    logits = predict_logits(experiments.load_classifier(path), test.images())
    return int((logits.argmax(1) == test.y).sum()), len(test)


def last_iterate(name):
    """Return PGD-40's last iterates on the first 1,000 test images."""
    return evaluate(
        f"{name}_last",
        RUNS / name / "last.keras",
        attacks=("pgd",),
        num_examples=1000,
        last_iterate=True,
    )


def best_point(name):
    """Return the standard suite with two restarts on those images."""
    return evaluate(
        f"{name}_best",
        RUNS / name / "last.keras",
        attacks=("standard",),
        num_examples=1000,
        num_restarts=2,
    )


def reference(last):
    """Return attacks on the reference model's first 500 test images."""
    return evaluate(
        "reference_last" if last else "reference_best",
        SHARED / "models" / REFERENCE,
        attacks=("fgsm", "pgd", "mi_fgsm"),
        num_examples=500,
        last_iterate=last,
    )
