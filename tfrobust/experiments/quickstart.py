"""The main job in two minutes: train three ways, attack, compare."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from tfrobust import analysis
from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.attacks import PGD
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.data import ImageData
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.evaluating import evaluate_classifier
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.reporting import report
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import CurveRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import SoftmaxPathRecord
from tfrobust.records import write_record
from tfrobust.threat_model import NormBall

EPSILON = 0.15
RADII = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
MODELS = {
    "standard": TrainingConfig(
        "digits", defense="standard", epochs=20, constant_epochs=10
    ),
    "adversarial_training": TrainingConfig(
        "digits",
        defense="adversarial_training",
        settings={"epsilon": EPSILON, "num_steps": 10},
        epochs=25,
        batch_size=64,
        learning_rate=3e-3,
        constant_epochs=10,
    ),
    "lfr": TrainingConfig(
        "digits",
        defense="lfr",
        settings={"epsilon": EPSILON, "num_steps": 4, "weight": 0.1},
        epochs=20,
        learning_rate=3e-3,
        constant_epochs=8,
    ),
}


def quickstart(
    output_dir: str | pathlib.Path, *, say: Callable[[str], None] = print
) -> list[EvaluationRecord]:
    """Train `MODELS` on digits, attack them, write and print the results.

    Args:
        output_dir: run directories of the models, `NAME/evaluation.json`,
            `NAME/curve.json`, `NAME/examples.json`, `accuracy.png` and
            `report.html` go here; what an earlier quickstart left is
            replaced.
        say: is told what a person should know; default `print`.

    Returns:
        An evaluation of each model, in order.
    """
    output = pathlib.Path(output_dir)
    data = recipes.load_data("digits")
    records, curves = [], []
    for name, config in MODELS.items():
        directory = output / name
        train(config, directory, overwrite=True, say=say)
        record, curve, examples = _evaluate(name, directory, data)
        write_record(record, directory / "evaluation.json")
        write_record(curve, directory / "curve.json")
        write_record(examples, directory / "examples.json")
        records.append(record)
        curves.append(curve)
    picture = output / "accuracy.png"
    reports.plot_accuracy_against_epsilon(curves, picture, trained_at=EPSILON)
    say("")
    say(
        f"Accuracy in % on {records[0].num_examples} test digits, "
        f"l-inf ball of radius {EPSILON}:"
    )
    say(reports.as_text(reports.robustness_rows(records)))
    for line in reports.settings_lines(records[0]):
        say(f"  {line}")
    report(
        [output],
        output / "report.html",
        title="Quickstart",
        overwrite=True,
        say=_quiet,
    )
    say(f"Models and records: {output}/NAME/  Accuracy by radius: {picture}")
    say(f"All of it on one page: {output}/report.html")
    return records


def _quiet(_: str) -> None:
    """Say nothing: the quickstart's own lines are enough."""


def _evaluate(
    name: str, directory: pathlib.Path, data: ImageData
) -> tuple[EvaluationRecord, CurveRecord, SoftmaxPathRecord]:
    classifier = load_classifier(directory / LAST)
    config = EvaluationConfig(
        str(directory / LAST),
        data="digits",
        attacks=("quick",),
        epsilon=EPSILON,
        num_steps=40,
        num_restarts=3,
        masking_examples=0,
    )
    record = evaluate_classifier(classifier, data, config)
    attack = PGD(NormBall("inf", epsilon=EPSILON), num_steps=20)
    x, y = data.test.images(), data.test.y
    of: dict[str, Any] = {
        "model": name,
        "model_digest": record.model_digest,
        "data": record.data,
        "provenance": record.provenance,
    }
    images = len(x) * len(RADII)
    with AttackProgress(({"curve": attack}, images), label="radius") as bar:
        curve = evaluation.accuracy_against_epsilon(
            classifier, x, y, attack, RADII, progress=bar, **of
        )
    # Last iterates of all images: what labels give away can be seen too.
    examples = analysis.softmax_path(
        classifier,
        x,
        y,
        dataclasses.replace(attack, keep_best=False),
        num_images=4,
        **of,
    )
    return dataclasses.replace(record, model=name), curve, examples
