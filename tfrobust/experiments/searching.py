"""One search: a recipe and a tuner -> trials, finalists, a winner."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import warnings
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import cast

import keras_tuner

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust import tuning
from tfrobust.callbacks.checkpoints import BEST_ROBUST
from tfrobust.data import ImageData
from tfrobust.experiments import run_directory
from tfrobust.experiments.devices import make_strategy
from tfrobust.experiments.evaluating import evaluate_classifier
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.search_config import SearchConfig
from tfrobust.experiments.search_grid import grid_size
from tfrobust.experiments.search_ranges import read_ranges
from tfrobust.experiments.search_trials import Trials
from tfrobust.experiments.search_tuners import ended_scores
from tfrobust.experiments.search_tuners import is_worker
from tfrobust.experiments.search_tuners import make_tuner
from tfrobust.experiments.training import load_split_data
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_flags import flag_lines
from tfrobust.experiments.training_model import build_model
from tfrobust.records import EvaluationRecord
from tfrobust.records import FinalistRecord
from tfrobust.records import is_whole_json
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import SearchRecord
from tfrobust.records import TrialRecord
from tfrobust.records import whole_file
from tfrobust.records import write_json
from tfrobust.records import write_record

Say = Callable[[str], None]
WINNER = "winner.keras"
FLAGS = "winner.flags"


def search(
    config: SearchConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    say: Say = print,
) -> SearchRecord | None:
    """Search a recipe's settings and name the best.

    Each trial is a run directory under `trials/`. The best of them meet the
    stronger attacks on the validation examples before one is named:
    `winner.keras`, and `winner.flags` for `tools.train`. `search.json` holds
    every trial, those that failed too; `search.png` shows them.

    Args:
        config: everything the search depends on.
        output_dir: the run directory.
        overwrite: replace the search that is there.
        resume: go on with the search that is there; where there is none,
            begin.
        say: is told what a person should know; default `print`.

    Returns:
        The record; `None` in a worker, for the chief writes it.

    Raises:
        OSError: for files that can't be written; with room made, resume.
        ValueError: for settings that can't be used; where no winner is named,
            after all else is written.
    """
    directory = pathlib.Path(output_dir)
    if is_worker():
        return _search(config, directory, overwrite, resume, say)
    with run_directory.claimed(
        directory, config, overwrite=overwrite, resume=resume
    ) as begun:
        return _search(config, directory, overwrite, begun, say)


def _search(
    config: SearchConfig,
    directory: pathlib.Path,
    overwrite: bool,
    resume: bool,
    say: Say,
) -> SearchRecord | None:
    data = load_split_data(config.training(_needed(config)), say)
    space = _space(config, data)
    _check_settings(config, space, data)
    if not is_worker():
        if not resume:
            run_directory.make_empty(directory, overwrite=overwrite)
        write_json(plain(config), directory / "config.json")
    origin = {"configuration": plain(config), **provenance(config.seed)}
    trials = Trials(config, directory, _most_trials(config, space), say)
    tuner = make_tuner(config, space, directory, trials, say)
    # A worker waits here for the chief, whose directory it is.
    tuner.oracle.get_space()
    run_directory.check_same(directory, plain(config))
    with warnings.catch_warnings():
        # A failed trial's score, and a Gaussian process of a few trials.
        warnings.filterwarnings("ignore", "All-NaN")
        warnings.filterwarnings("ignore", "The optimal value found for")
        try:
            tuner.search(verbose=0)
        except keras_tuner.errors.FatalError as error:
            raise OSError(str(error)) from error
        except RuntimeError as error:  # too many failed in a row
            say(str(error).splitlines()[0])
    if is_worker():
        say("This worker's trials are done; the chief names the winner.")
        return None
    tried = [trials.record(t) for t in tuner.oracle.trials.values()]
    record = SearchRecord(
        model=config.recipe,
        model_digest="",
        data=data.name,
        tuner=config.tuner,
        objective=_objective(config),
        clean_floor=config.clean_floor,
        space={name: str(values) for name, values in space.items()},
        trials=tuple(sorted(tried, key=lambda t: t.number)),
        attacks=tuple(config.final_attacks),
        finalists=(),
        winner="",
        provenance=origin,
    )
    record = _with_winner(record, config, data, directory, trials, say)
    finalists = {f.number: f.robust_accuracy for f in record.finalists}
    trials.prune({n: finalists.get(n) for n in ended_scores(tuner)})
    write_record(record, directory / "search.json")
    reports.plot_search(record, directory / "search.png")
    for rows in (reports.trial_rows(record), reports.finalist_rows(record)):
        say(reports.as_text(rows))
    _check_winner(record, directory)
    return record


def _needed(config: SearchConfig) -> dict[str, Any]:
    """Return any values for what a defense can't be without."""
    defense = recipes.DEFENSES[tuning.defense_of(config.recipe)]
    return {name: 1.0 for name in defense.required if name != "epsilon"}


def _space(config: SearchConfig, data: ImageData) -> tuning.Space:
    """Return what is searched."""
    space = tuning.search_space(
        config.recipe, data.image_shape, epochs=config.epochs
    )
    if config.tuner == "hyperband":
        # Most of its trainings are shorter than a warm-up.
        space.pop("epsilon_warm_up", None)
    ranges = read_ranges(config.ranges)
    space = tuning.changed_space(space, config.search, ranges)
    tuning.check_not_fixed(space, config.settings)
    return space


def _check_settings(
    config: SearchConfig, space: tuning.Space, data: ImageData
) -> None:
    """Raise `ValueError` now for what every trial would refuse."""
    hp = keras_tuner.HyperParameters()
    values = {name: range_.declare(hp, name) for name, range_ in space.items()}
    training, settings = tuning.split_values(values)
    # TensorFlow divides a CPU into devices only before it makes anything.
    with make_strategy(config.strategy, config.num_devices).scope():
        build_model(config.training(settings, **training), data, steps=1)


def _most_trials(config: SearchConfig, space: tuning.Space) -> int | None:
    """Return how many trials there can be, if that is known before."""
    most = config.most_trials
    if config.tuner != "grid" or most is None:
        return most
    return min(most, grid_size(space))


def _objective(config: SearchConfig) -> str:
    text = (
        f"accuracy under PGD-{config.validation_steps}, "
        f"l{config.norm}, epsilon {config.radius:g}, on validation examples"
    )
    if config.clean_floor:
        text += f", clean accuracy no less than {config.clean_floor:g}"
    return text


def finalists_of(
    trials: Sequence[TrialRecord], count: int
) -> list[TrialRecord]:
    """Return the best trials that were trained to the end and are allowed."""
    most = max((t.epochs for t in trials), default=0)
    allowed = [
        t
        for t in trials
        if t.score is not None and t.score >= 0 and t.epochs == most
    ]
    return sorted(allowed, key=lambda t: (-(t.score or 0.0), t.number))[:count]


def _with_winner(
    record: SearchRecord,
    config: SearchConfig,
    data: ImageData,
    directory: pathlib.Path,
    trials: Trials,
    say: Say,
) -> SearchRecord:
    """Return the record with finalists re-scored and the best one named."""
    finalists = []
    for trial in finalists_of(record.trials, config.finalists):
        say(f"Finalist {trial.number} meets {', '.join(config.final_attacks)}")
        model = trials.run_of(trial.number) / BEST_ROBUST
        path = directory / "finalists" / f"{trial.number}.json"
        if path.is_file() and not is_whole_json(path):
            say(f"{path} is torn; the finalist is attacked again.")
        finalists.append(_rescored(trial.number, model, path, config, data))
    # Masked gradients flatter a trial; its robustness is not to be believed.
    allowed = [
        f
        for f in finalists
        if f.clean_accuracy >= config.clean_floor and f.masking != "failed"
    ]
    if not allowed:
        return dataclasses.replace(record, finalists=tuple(finalists))
    best = max(allowed, key=lambda f: f.robust_accuracy)
    run = trials.run_of(best.number)
    # Before it takes an earlier winner's place: it may be torn.
    classifier = load_classifier(run / BEST_ROBUST)
    with whole_file(directory / WINNER) as part:
        shutil.copy(run / BEST_ROBUST, part)
    chosen = TrainingConfig(**run_directory.read_config(run))
    (directory / FLAGS).write_text("\n".join(flag_lines(chosen)) + "\n")
    return dataclasses.replace(
        record,
        finalists=tuple(finalists),
        winner=best.number,
        model_digest=evaluation.weights_digest(classifier),
    )


def _check_winner(record: SearchRecord, directory: pathlib.Path) -> None:
    """Raise `ValueError` where nothing is best: what comes next needs it."""
    if not record.completed:
        raise ValueError(
            f"None of {len(record.trials)} trials completed, so nothing is "
            f"best; {directory}/search.json says why each failed."
        )
    if not record.winner:
        raise ValueError(
            "Nothing is best: no finalist with a clean accuracy of "
            f"{record.clean_floor:g} and without masked gradients; "
            f"{directory}/search.json has every trial."
        )


def _rescored(
    number: str,
    model: pathlib.Path,
    path: pathlib.Path,
    config: SearchConfig,
    data: ImageData,
) -> FinalistRecord:
    """Attack a trial's best epoch; what was done before is read."""
    if is_whole_json(path):
        record = cast(EvaluationRecord, read_record(path))
    else:
        classifier, adaptive = load_attacked(model)
        attacking = EvaluationConfig(
            str(model),
            data=config.data,
            data_dir=config.data_dir,
            image_size=config.image_size,
            split="validation",
            attacks=config.final_attacks,
            norm=config.norm,
            epsilon=config.radius,
            seed=config.seed,
        )
        record = evaluate_classifier(classifier, data, attacking, adaptive)
        path.parent.mkdir(exist_ok=True)
        write_record(record, path)
    worst = _worst([check.verdict for check in record.masking])
    signs = [c.name for c in record.masking if c.verdict == worst != "ok"]
    return FinalistRecord(
        number=number,
        clean_accuracy=record.clean_accuracy,
        robust_accuracy=record.worst_case_accuracy,
        masking=worst,
        signs=tuple(signs),
    )


def _worst(verdicts: Sequence[str]) -> str:
    order = ("failed", "suspicious", "ok")
    return next((v for v in order if v in verdicts), "not looked for")
