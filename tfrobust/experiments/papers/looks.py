"""Evaluations and analyses of a table's models."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust import recipes
from tfrobust.evaluation import attack_settings
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analyzing import analyze
from tfrobust.experiments.evaluating import evaluate
from tfrobust.experiments.evaluating import evaluate_classifier
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.outcome_log import OtherRunError
from tfrobust.experiments.papers.tables import Setting
from tfrobust.experiments.run_names import placeless
from tfrobust.experiments.run_names import settings_digest
from tfrobust.layers import with_linear_head
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import EvaluationRecord
from tfrobust.records import read_record
from tfrobust.records import Record
from tfrobust.records import write_record

# Images of an analysis where attacks are of all: gradient leaking's count.
_ANALYZED = 1000


def quiet(_: str) -> None:
    """Say nothing."""


def look_digest(config: EvaluationConfig | AnalysisConfig) -> str:
    """Return what tells a look from others: its settings and its presets'.

    A preset's attack is a name for published numbers. Where those are put
    right, what was seen under the name before is of another attack.
    """
    settings = placeless(config)
    if config.attacks:
        names = attack_names(config.attacks, config.ball.norm)
        own = [name for name in names if "/" in name]
        budget = recipes.Budget(seed=config.seed)
        made = recipes.make_attacks(own, config.ball, budget)
        presets = {n: attack_settings(a) for n, a in made.items()}
        settings |= {"presets": presets} if presets else {}
    return settings_digest(settings)


def _is_of(
    path: pathlib.Path, classifier: keras.Model, config: EvaluationConfig
) -> bool:
    """Say whether a whole evaluation of a classifier, as asked, is there."""
    if not path.is_file():
        return False
    try:
        record = read_record(path)
    except ValueError:
        return False
    if not isinstance(record, EvaluationRecord):
        return False
    asked = placeless(record.provenance.get("configuration") or {})
    return record.model_digest == weights_digest(
        classifier
    ) and asked == placeless(config)


@dataclasses.dataclass(frozen=True)
class Attacked:
    """The table's own attacks, without a look at masked gradients.

    Attributes:
        settings: of an `EvaluationConfig`.
    """

    settings: Mapping[str, Any]

    def config(
        self, model: str, setting: Setting, data_dir: str | None
    ) -> EvaluationConfig:
        """Return the evaluation of a model's file."""
        usual = {
            "data": setting.training["data"],
            "epsilon": setting.epsilon,
            "num_examples": setting.num_examples,
            "masking_examples": 0,
        }
        return EvaluationConfig(
            model, data_dir=data_dir, **{**usual, **self.settings}
        )

    def run(self, config: EvaluationConfig, directory: pathlib.Path) -> Record:
        """Return the record, made now or before.

        One of this model that is whole stays, of whatever revision or
        version. What isn't whole, and is of others, begins anew.
        """
        whole = directory / "evaluation.json"
        if not _is_of(whole, load_classifier(config.model), config):
            try:
                evaluate(config, directory, resume=True, say=quiet)
            except OtherRunError:
                evaluate(config, directory, overwrite=True, say=quiet)
        return read_record(whole)


@dataclasses.dataclass(frozen=True)
class AttackedLinear(Attacked):
    """The table's own attacks, through the linear head of MAT's paper.

    The model is one with a quadratic head: predictions are the same, logits
    differ by half as much.
    """

    def run(self, config: EvaluationConfig, directory: pathlib.Path) -> Record:
        """See base class; what isn't whole begins anew."""
        whole = directory / "evaluation.json"
        classifier = with_linear_head(load_classifier(config.model))
        if not _is_of(whole, classifier, config):
            data = recipes.load_data(config.data, data_dir=config.data_dir)
            record = evaluate_classifier(classifier, data, config)
            directory.mkdir(parents=True, exist_ok=True)
            write_record(record, whole)
        return read_record(whole)


@dataclasses.dataclass(frozen=True)
class Added(Attacked):
    """What the tables lack: AutoAttack, adaptive, masked gradients."""

    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def config(
        self, model: str, setting: Setting, data_dir: str | None
    ) -> EvaluationConfig:
        """Return the evaluation of a model's file."""
        return EvaluationConfig(
            model,
            data=setting.training["data"],
            data_dir=data_dir,
            epsilon=setting.epsilon,
            **setting.added,
        )


@dataclasses.dataclass(frozen=True)
class Analyzed:
    """An analysis.

    Attributes:
        analysis: its name.
        settings: of an `AnalysisConfig`.
    """

    analysis: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def config(
        self, model: str, setting: Setting, data_dir: str | None
    ) -> AnalysisConfig:
        """Return the analysis of a model's file."""
        usual: dict[str, Any] = {
            "data": setting.training["data"],
            "num_examples": setting.num_examples or _ANALYZED,
        }
        return AnalysisConfig(
            model,
            self.analysis,
            data_dir=data_dir,
            **{**usual, **self.settings},
        )

    def run(self, config: AnalysisConfig, directory: pathlib.Path) -> Record:
        """Return the record, made now or before."""
        try:
            return analyze(config, directory, resume=True, say=quiet)
        except OtherRunError:
            return analyze(config, directory, overwrite=True, say=quiet)
