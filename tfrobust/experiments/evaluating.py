"""One evaluation: a model file and a suite -> record and table."""

from __future__ import annotations

import datetime
import os
import pathlib
import platform
from collections.abc import Callable
from typing import Any

import keras

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.data import ImageData
from tfrobust.evaluation import Outcomes
from tfrobust.experiments import run_directory
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.evaluation_plan import EvaluationPlan
from tfrobust.experiments.evaluation_plan import make_plan
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.outcome_log import OutcomeLog
from tfrobust.experiments.outcome_log import read_outcomes
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.shards import Shard
from tfrobust.objectives import Objective
from tfrobust.records import EvaluationRecord
from tfrobust.records import plain
from tfrobust.records import write_json
from tfrobust.records import write_record

_EVERYTHING = Shard()


def evaluate(
    config: EvaluationConfig,
    output_dir: str | pathlib.Path | None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    shard: Shard = _EVERYTHING,
    say: Callable[[str], None] = print,
) -> EvaluationRecord | None:
    """Attack a saved model; write `evaluation.json` and print a table.

    Outcomes are noted batch by batch: killed and resumed, or in shards, an
    evaluation writes the very same `evaluation.json` on machines of one
    kind. Times and host, which differ from run to run, are in `run.json`.

    Args:
        config: everything the evaluation depends on.
        output_dir: the run directory; `None` writes nothing.
        overwrite: replace the run that is there.
        resume: go on with the run that is there; where there is none, begin.
        shard: which batches to do; default all. Shards share a directory,
            or are copied into one and any of them resumed; the last to end
            writes the record.
        say: is told what a person should know; default `print`.

    Returns:
        The record; `None` while other shards are missing.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    if output_dir is None:
        if resume or not shard.is_all:
            raise ValueError("Resuming and shards need an output directory.")
        return _evaluate(config, None, overwrite, shard, say)
    directory = pathlib.Path(output_dir)
    if overwrite and not shard.is_all:
        raise ValueError(
            "A shard can't overwrite, for the others' batches are there too; "
            f"remove {directory} before the first."
        )
    if directory.resolve() in pathlib.Path(config.model).resolve().parents:
        raise ValueError(
            f"The output directory {directory} holds the model "
            f"{config.model}; choose another."
        )
    joins = not shard.is_all and not overwrite
    with run_directory.claimed(
        directory,
        config,
        overwrite=overwrite,
        resume=resume or joins,
        shared=not shard.is_all,
    ):
        return _evaluate(config, directory, overwrite, shard, say)


def _evaluate(
    config: EvaluationConfig,
    directory: pathlib.Path | None,
    overwrite: bool,
    shard: Shard,
    say: Callable[[str], None],
) -> EvaluationRecord | None:
    classifier, adaptive = load_attacked(config.model)
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    if data.description:
        say(f"Data {data.name}: {data.description}")
    surrogates = _surrogates(config)
    plan = make_plan(data, config, adaptive, surrogates)
    plan.check(classifier)
    for name, source in surrogates.items():
        with evaluation.naming(f"Surrogate {name}"):
            plan.check(source)
    origin = _origin(classifier, config)
    outcomes: Outcomes = {}
    if directory is not None:
        _prepare(directory, config, overwrite=overwrite)
        log = directory / shard.file_name("outcomes", "jsonl")
        outcomes = OutcomeLog(log, origin, plan.check_outcome)
    try:
        plan.fill(classifier, outcomes, shard)
    except ValueError:
        if (
            directory is not None
            and not _seconds(outcomes, plan)
            and shard.is_all
        ):
            run_directory.clear(directory)  # nothing was attacked yet
        raise
    seconds = _seconds(outcomes, plan)
    if directory is not None:
        run = directory / shard.file_name("run", "json")
        write_json(_run_data(shard, seconds), run)
        outcomes = _of_all_shards(directory, shard, origin, plan)
    missing = len(plan.keys() - outcomes.keys())
    if missing:
        say(
            f"Shard {shard} is done. {missing} of {len(plan.keys())} batches "
            "are still to come from other shards; the last to end writes "
            "evaluation.json."
        )
        return None
    record = plan.record(outcomes, **origin, **_names(config, data))
    _show(record, seconds, say)
    if directory is not None:
        write_record(record, directory / "evaluation.json")
    return record


def evaluate_classifier(
    classifier: Any,
    data: ImageData,
    config: EvaluationConfig,
    adaptive_objective: Objective | None = None,
) -> EvaluationRecord:
    """Return the record of a classifier under the configured attacks.

    Args:
        classifier: a Keras model from images to logits.
        data: images and labels.
        config: the attacks and what they may spend.
        adaptive_objective: what the attack "adaptive" climbs; default
            unknown. See `make_plan`.
    """
    plan = make_plan(data, config, adaptive_objective)
    outcomes: Outcomes = {}
    plan.fill(classifier, outcomes, _EVERYTHING)
    origin = _origin(classifier, config)
    return plan.record(outcomes, **origin, **_names(config, data))


def _surrogates(config: EvaluationConfig) -> dict[str, keras.Model]:
    """Return the surrogate models, by path and digest."""
    models = {}
    for path in config.surrogates:
        model = load_classifier(path)
        digest = evaluation.weights_digest(model)[:12]
        models[f"{path} ({digest})"] = model
    return models


def _origin(
    classifier: keras.Model, config: EvaluationConfig
) -> dict[str, Any]:
    """Return what outcomes depend on."""
    settings = {"configuration": plain(config), **provenance(config.seed)}
    return {
        "model_digest": evaluation.weights_digest(classifier),
        "provenance": settings,
    }


def _names(config: EvaluationConfig, data: ImageData) -> dict[str, str]:
    return {"model": config.model, "data": data.name, "split": config.split}


def _prepare(
    directory: pathlib.Path, config: EvaluationConfig, *, overwrite: bool
) -> None:
    """Make the directory; shards may find it there."""
    if overwrite:
        run_directory.make_empty(directory, overwrite=True)
    directory.mkdir(parents=True, exist_ok=True)
    if not run_directory.is_begun(directory):
        write_json(plain(config), directory / "config.json")


def _of_all_shards(
    directory: pathlib.Path,
    shard: Shard,
    origin: dict[str, Any],
    plan: EvaluationPlan,
) -> Outcomes:
    """Return what all shards have done so far."""
    outcomes: Outcomes = {}
    for sibling in shard.siblings:
        log = directory / sibling.file_name("outcomes", "jsonl")
        there = read_outcomes(log, origin, plan.check_outcome)
        outcomes.update(there)
    return outcomes


def _seconds(outcomes: Outcomes, plan: EvaluationPlan) -> dict[str, float]:
    """Return what each attack took, all batches together."""
    seconds: dict[str, float] = {}
    keys = plan.keys()
    for (name, batch), outcome in outcomes.items():
        if "seconds" in outcome and (name, batch) in keys:
            seconds[name] = seconds.get(name, 0.0) + outcome["seconds"]
    return {name: round(total, 3) for name, total in seconds.items()}


def _run_data(shard: Shard, seconds: dict[str, float]) -> dict[str, Any]:
    """Return what differs from run to run."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "shard": str(shard),
        "seconds": seconds,
        "finished": now.isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
    }


def _show(
    record: EvaluationRecord,
    seconds: dict[str, float],
    say: Callable[[str], None],
) -> None:
    say(
        f"{record.model} (weights sha256 {record.model_digest[:12]}), first "
        f"{record.num_examples} {record.split} images of {record.data}:"
    )
    say(reports.as_text(reports.attack_rows(record, seconds)))
    for line in reports.settings_lines(record):
        say(line)
    for line in reports.masking_lines(record):
        say(line)
