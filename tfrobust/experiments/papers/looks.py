"""Evaluations and analyses of a table's models."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any
from typing import cast

from tfrobust.evaluation import weights_digest
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analyzing import analyze
from tfrobust.experiments.evaluating import evaluate
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.outcome_log import OtherRunError
from tfrobust.experiments.papers.tables import Setting
from tfrobust.records import EvaluationRecord
from tfrobust.records import read_record
from tfrobust.records import Record

# Images of an analysis where attacks are of all: gradient leaking's count.
_ANALYZED = 1000


def quiet(_: str) -> None:
    """Say nothing."""


def _is_of(path: pathlib.Path, model: str) -> bool:
    """Say whether an evaluation is of the weights in a model's file."""
    record = cast(EvaluationRecord, read_record(path))
    return record.model_digest == weights_digest(load_classifier(model))


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
        if not (whole.is_file() and _is_of(whole, config.model)):
            try:
                evaluate(config, directory, resume=True, say=quiet)
            except OtherRunError:
                evaluate(config, directory, overwrite=True, say=quiet)
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
        return analyze(config, directory, resume=True, say=quiet)
