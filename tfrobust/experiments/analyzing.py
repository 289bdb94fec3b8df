"""One analysis of a saved model -> record, table and picture."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import Literal

import keras
import numpy as np

from tfrobust import analysis
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks import BIM
from tfrobust.data import ImageData
from tfrobust.data import Split
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import run_directory
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.ops.norms import Norm
from tfrobust.ops.principal_components import principal_components
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import CurvatureRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import plain
from tfrobust.records import SurfaceRecord
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.threat_model import NormBall

_ROWS = 1024
Record = LeakingRecord | SurfaceRecord | CurvatureRecord | FlatnessRecord


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """Everything an analysis depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file.
        analysis: "gradient_leaking", "surface", "curvature" or "flatness".
        data, data_dir, image_size: as in `EvaluationConfig`.
        num_examples: the first so many test images; default 500.
        num_components: of the training images; default all, at most 1,000.
        attacks: whose perturbations are looked at; default "ddn".
        norm, epsilon: of their ball; default 2 and "inf".
        example: the test image that a surface is drawn around; default 0.
        reach: of a surface, or radius of flatness, in pixels; default the
            data's usual radius.
        resolution: points along each axis of a surface; default 41.
        second_axis: "random" or "least likely"; the first is the loss
            gradient's.
        seed, batch_size: as in `EvaluationConfig`.
    """

    model: str
    analysis: str = "gradient_leaking"
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    num_examples: int = 500
    num_components: int | None = None
    attacks: Sequence[str] = ("ddn",)
    norm: Norm = 2
    epsilon: float | Literal["inf"] = "inf"
    example: int = 0
    reach: float | None = None
    resolution: int = 41
    second_axis: str = "random"
    seed: int = 0
    batch_size: int = 250

    def __post_init__(self) -> None:
        check_choice("analysis", self.analysis, tuple(ANALYSES))
        for name in ("num_examples", "batch_size"):
            check_integer(name, getattr(self, name), minimum=1)
        if self.num_components is not None:
            check_integer("num_components", self.num_components, minimum=1)
        if self.epsilon == float("inf"):  # which JSON does not know
            object.__setattr__(self, "epsilon", "inf")
        if self.epsilon != "inf":
            check_positive("epsilon", self.epsilon)
        check_integer("example", self.example, minimum=0)
        check_integer("resolution", self.resolution, minimum=2)
        check_choice("second_axis", self.second_axis, tuple(_SECOND_AXES))
        if self.reach is not None:
            check_positive("reach", self.reach)
        attack_names(self.attacks, self.norm)


def analyze(
    config: AnalysisConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Record:
    """Analyze a saved model; write `analysis.json` and a picture.

    Args:
        config: everything the analysis depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    directory = run_directory.check_free(output_dir, overwrite=overwrite)
    run_directory.check_replaceable(directory, config)
    kind = ANALYSES[config.analysis]
    record = kind.run(config)
    say(reports.as_text(kind.rows(record)))
    run_directory.make_empty(directory, config)
    write_json(plain(config), directory / "config.json")
    write_record(record, directory / "analysis.json")
    kind.draw([record], directory / "analysis.png")
    return record


def _loaded(
    config: AnalysisConfig,
) -> tuple[keras.Model, ImageData, dict[str, Any]]:
    """Return classifier, data, and what a record says of both."""
    classifier = load_classifier(config.model)
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    settings = {"configuration": plain(config), **provenance(config.seed)}
    of = {
        "model": config.model,
        "model_digest": weights_digest(classifier),
        "data": data.name,
        "provenance": settings,
    }
    return classifier, data, of


def _gradient_leaking(config: AnalysisConfig) -> LeakingRecord:
    classifier, data, of = _loaded(config)
    test = data.test.first(config.num_examples)
    ball = NormBall(config.norm, epsilon=float(config.epsilon))
    budget = recipes.Budget(seed=config.seed)
    attacks = recipes.make_attacks(config.attacks, ball, budget)
    size = int(np.prod(data.image_shape))
    components = principal_components(
        lambda: _flat_batches(data.train),
        size,
        min(config.num_components or 1000, size),
    )
    with AttackProgress(len(test) * len(attacks)) as bar:
        return analysis.gradient_leaking(
            classifier,
            test.images(),
            test.y,
            components,
            attacks,
            batch_size=config.batch_size,
            progress=bar,
            **of,
        )


def _flat_batches(split: Split) -> Iterator[np.ndarray]:
    for start in range(0, len(split), _ROWS):
        images = split.images(slice(start, start + _ROWS))
        yield images.reshape(len(images), -1)


def _curvature(config: AnalysisConfig) -> CurvatureRecord:
    classifier, data, of = _loaded(config)
    test = data.test.first(config.num_examples)
    return analysis.curvature(
        classifier,
        test.images(),
        test.y,
        seed=config.seed,
        **of,
    )


def _flatness(config: AnalysisConfig) -> FlatnessRecord:
    classifier, data, of = _loaded(config)
    test = data.test.first(config.num_examples)
    usual = recipes.data_defaults(config.data).epsilon
    return analysis.local_flatness(
        classifier,
        test.images(),
        test.y,
        epsilon=usual if config.reach is None else config.reach,
        seed=config.seed,
        **of,
    )


def _surface(config: AnalysisConfig) -> SurfaceRecord:
    classifier, data, of = _loaded(config)
    if config.example >= len(data.test):
        raise ValueError(
            f"`example` must be below {len(data.test)}. "
            f"Received: example={config.example}"
        )
    x = data.test.images(slice(config.example, config.example + 1))[0]
    y = int(data.test.y[config.example])
    usual = recipes.data_defaults(config.data).epsilon
    reach = usual if config.reach is None else config.reach
    attack = BIM(NormBall("inf", epsilon=reach), num_steps=10)
    axes = {
        "loss gradient's signs": analysis.loss_axis(classifier, x, y),
        config.second_axis: _SECOND_AXES[config.second_axis](
            classifier, x, y, config.seed
        ),
    }
    return analysis.input_surface(
        classifier,
        x,
        y,
        axes,
        reach=reach,
        resolution=config.resolution,
        paths={"BIM-10": analysis.trajectory(classifier, x, y, attack)},
        batch_size=config.batch_size,
        **of,
        example=config.example,
    )


_SECOND_AXES: dict[str, Callable[..., np.ndarray]] = {
    "random": lambda _, x, __, seed: analysis.random_axis(x.shape, seed),
    "least likely": lambda c, x, y, _: analysis.least_likely_axis(c, x, y),
}


@dataclasses.dataclass(frozen=True)
class Analysis:
    """How an analysis is run, told and drawn.

    Attributes:
        run: configuration -> record.
        rows: record -> table.
        draw: (records, path) -> picture.
    """

    run: Callable[[AnalysisConfig], Record]
    rows: Callable[[Any], list[list[str]]]
    draw: Callable[[list[Any], pathlib.Path], None]


ANALYSES = {
    "gradient_leaking": Analysis(
        _gradient_leaking, reports.leaking_rows, reports.plot_gradient_leaking
    ),
    "curvature": Analysis(
        _curvature, reports.curvature_rows, reports.plot_curvature
    ),
    "flatness": Analysis(
        _flatness, reports.flatness_rows, reports.plot_flatness
    ),
    "surface": Analysis(_surface, reports.surface_rows, reports.plot_surfaces),
}
