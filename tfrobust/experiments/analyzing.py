"""One analysis of a saved model -> record, table and picture."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Literal

import numpy as np

from tfrobust import analysis
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.data import Split
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import run_directory
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.ops.norms import Norm
from tfrobust.ops.principal_components import principal_components
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import LeakingRecord
from tfrobust.records import plain
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.threat_model import NormBall

_ROWS = 1024


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """Everything an analysis depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file.
        analysis: "gradient_leaking".
        data, data_dir, image_size: as in `EvaluationConfig`.
        num_examples: the first so many test images; default 500.
        num_components: of the training images; default all, at most 1,000.
        attacks: whose perturbations are looked at; default "ddn".
        norm, epsilon: of their ball; default 2 and "inf".
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
        attack_names(self.attacks, self.norm)


def analyze(
    config: AnalysisConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> LeakingRecord:
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
    record = ANALYSES[config.analysis](config)
    say(reports.as_text(reports.leaking_rows(record)))
    run_directory.make_empty(directory, config)
    write_json(plain(config), directory / "config.json")
    write_record(record, directory / "analysis.json")
    reports.plot_gradient_leaking([record], directory / "analysis.png")
    return record


def _gradient_leaking(config: AnalysisConfig) -> LeakingRecord:
    classifier = load_classifier(config.model)
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
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
            model=config.model,
            model_digest=weights_digest(classifier),
            data=data.name,
            provenance={
                "configuration": plain(config),
                **provenance(config.seed),
            },
        )


def _flat_batches(split: Split) -> Iterator[np.ndarray]:
    for start in range(0, len(split), _ROWS):
        images = split.images(slice(start, start + _ROWS))
        yield images.reshape(len(images), -1)


ANALYSES: dict[str, Callable[[AnalysisConfig], LeakingRecord]] = {
    "gradient_leaking": _gradient_leaking,
}
