"""One analysis of a saved model -> record, table and pictures."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

from tfrobust import reports
from tfrobust.attacks.pieces import kept_by
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import run_directory
from tfrobust.experiments.analyses import ANALYSES
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.kept_pieces import KeptPieces
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.models import model_identity
from tfrobust.experiments.outcome_log import OtherRunError
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.run_directory import MOVABLE
from tfrobust.records import is_whole_json
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import Record
from tfrobust.records import write_json
from tfrobust.records import write_record


def analyze(
    config: AnalysisConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Record:
    """Analyze a saved model; write `analysis.json` and pictures.

    What takes long is kept batch by batch, or row by row: killed and resumed,
    an analysis writes the very same `analysis.json`.

    Args:
        config: everything the analysis depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        resume: go on with the run that is there; where there is none, begin.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    directory = pathlib.Path(output_dir)
    with run_directory.claimed(
        directory, config, overwrite=overwrite, resume=resume
    ) as begun:
        finished = begun and is_whole_json(directory / "analysis.json")
        if not finished:
            _compute(config, directory, overwrite=overwrite, begun=begun)
        # Drawn as it was written: a resumed run has the same pictures.
        record = read_record(directory / "analysis.json")
        if finished:
            _check_finished(record, config, directory)
        kind = reports.KINDS[type(record)]
        for rows in kind.tables:
            say(reports.as_text(rows(record)))
        for number, drawing in enumerate(kind.drawings):
            suffix = f"-{number + 1}" if number else ""
            drawing.save([record], directory / f"analysis{suffix}.png")
    return record


def _compute(
    config: AnalysisConfig,
    directory: pathlib.Path,
    *,
    overwrite: bool,
    begun: bool,
) -> None:
    """Write the record."""
    prepared = begun

    def prepare() -> None:
        nonlocal prepared
        if not prepared:
            run_directory.make_empty(directory, overwrite=overwrite)
            write_json(plain(config), directory / "config.json")
            prepared = True

    pieces = KeptPieces(directory, prepare, _origin(config))
    try:
        with kept_by(pieces):
            record = ANALYSES[config.analysis](config)
    except ValueError:
        if prepared and not begun:
            run_directory.clear(directory)  # it can't be
        raise
    prepare()
    write_record(record, directory / "analysis.json")
    pieces.drop()


def _check_finished(
    record: Record, config: AnalysisConfig, directory: pathlib.Path
) -> None:
    """Raise `OtherRunError` unless a record is of this analysis and model."""
    other = ""
    told = record.provenance.get("configuration") or {}
    here = plain(config)
    same = {**told, MOVABLE: ""} == {**here, MOVABLE: ""}
    if type(record) not in reports.KINDS or not same:
        other = "of something else"
    elif config.model:
        digest = weights_digest(load_classifier(config.model))
        if digest != record.model_digest:
            other = f"of another model than {config.model} is now"
    if other:
        raise OtherRunError(
            f"{directory}/analysis.json is {other}; pass --overwrite to begin "
            "again."
        )


def _origin(config: AnalysisConfig) -> dict[str, Any]:
    """Return what the pieces depend on beside the configuration."""
    try:
        model = model_identity(config.model)
    except (OSError, ValueError):
        model = ""  # whoever loads it says what is wrong
    origin = {"model_file": model, **provenance(config.seed)}
    return json.loads(json.dumps(origin))
