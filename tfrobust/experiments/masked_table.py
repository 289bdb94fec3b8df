"""The masking report on honest and on masked models, as a page."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.experiments import run_directory
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.masked_models import masked
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.records import CheckRecord
from tfrobust.records import plain
from tfrobust.threat_model import NormBall

_EPSILON, _EXAMPLES, _SEEDS = 0.15, 200, (0, 1)
_HONEST: dict[str, tuple[str, dict[str, Any]]] = {
    "standard": ("standard", {}),
    "adversarial training": ("adversarial_training", {"epsilon": _EPSILON}),
    "TRADES 6": ("trades", {"epsilon": _EPSILON}),
    "gradient norm 3": ("gradient_norm", {"weight": 3.0}),
    "MAT, SO alone": (
        "mat",
        {"epsilon": _EPSILON, "beta": 0.0, "feature_width": 32},
    ),
}
Say = Callable[[str], None]


def masking_table(
    output_dir: str | pathlib.Path,
    *,
    page: str | pathlib.Path | None = None,
    say: Say = print,
    epochs: int = 12,
) -> dict[str, tuple[CheckRecord, ...]]:
    """Train, mask, look; print the table and write it as a page.

    Args:
        output_dir: trainings go here; what is finished there is kept.
        page: a Markdown file to write; default none.
        say: is told what a person should know; default `print`.
        epochs: of each training on digits; default 12.

    Returns:
        "model, seed" -> the report's checks.
    """
    data = recipes.load_data("digits")
    test = data.test.first(_EXAMPLES)
    ball = NormBall("inf", epsilon=_EPSILON)
    found = {}
    for name, classifier, adaptive in _models(output_dir, epochs, say):
        total = len(test) * len(evaluation.masking_attacks(ball))
        with AttackProgress(total, name) as bar:
            found[name] = evaluation.masking_report(
                classifier,
                test.images(),
                test.y,
                ball,
                adaptive_objective=adaptive,
                progress=bar,
            )
    rows = reports.masking_rows(found)
    say(reports.as_text(rows))
    if page is not None:
        pathlib.Path(page).write_text(_page(rows, found))
    return found


def _models(
    output_dir: str | pathlib.Path, epochs: int, say: Say
) -> Iterator[tuple[str, keras.Model, Objective]]:
    """Return (name, classifier, what its adaptive attack climbs)."""
    for seed in _SEEDS:
        for label, (defense, settings) in _HONEST.items():
            config = TrainingConfig(
                "digits",
                defense=defense,
                settings=settings,
                epochs=epochs,
                batch_size=64,
                learning_rate=3e-3,
                epsilon=_EPSILON,
                seed=seed,
            )
            path = _trained(config, pathlib.Path(output_dir), say)
            classifier, adaptive = load_attacked(path)
            yield f"{label}, seed {seed}", classifier, adaptive
            if defense == "standard":
                for way, model in masked(classifier).items():
                    yield f"{way}, seed {seed}", model, CrossEntropy()


def _trained(
    config: TrainingConfig, output_dir: pathlib.Path, say: Say
) -> pathlib.Path:
    directory = output_dir / f"{config.defense}-{config.seed}"
    there = (directory / "training.json").is_file()
    same = there and run_directory.read_config(directory) == plain(config)
    if not same:
        train(config, directory, overwrite=directory.exists(), say=say)
    return directory / "last.keras"


def _page(
    rows: list[list[str]], found: dict[str, tuple[CheckRecord, ...]]
) -> str:
    origin = provenance(0)
    versions = ", ".join(
        f"{k} {origin[k]}" for k in ("revision", "tensorflow", "keras")
    )
    checks = next(iter(found.values()))
    parts = [
        "# Masked gradients, found or not",
        f"Written by `python -m tools.reproduce --table=masking` ({versions}).",
        f"digits_cnn on digits, l-inf, epsilon {_EPSILON:g}, the first "
        f"{_EXAMPLES} test images. (?) is suspicious, (!) failed. The "
        "thresholds were set beforehand, and neither seed changed them. "
        "Nothing of standard, adversarial training, TRADES and gradient norm "
        "may fail; everything else must.",
        reports.as_markdown(rows),
        "What the numbers are:",
        "\n".join(f"- {c.name}: {c.meaning}" for c in checks),
    ]
    return "\n\n".join(parts) + "\n"
