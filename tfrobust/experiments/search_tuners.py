"""keras-tuner's tuners, whose trials are runs of ours."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras_tuner

from tfrobust.experiments.search_config import SearchConfig
from tfrobust.experiments.search_grid import GridSearch
from tfrobust.experiments.search_trials import Trials
from tfrobust.records import is_whole_json
from tfrobust.records import write_json
from tfrobust.tuning import OBJECTIVE
from tfrobust.tuning import Range

_FOREIGN = (AttributeError, LookupError, RuntimeError, TypeError)
_STATE = "search"
_KEPT = "search_kept.json"


class _TrainsRuns:
    """Gives a tuner's trials to `trials`."""

    trials: Trials
    directory_kept: pathlib.Path
    scratch: tempfile.TemporaryDirectory[str]

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Train a trial; a full disk is no failure of the trial's."""
        values = trial.hyperparameters.values
        try:
            return {OBJECTIVE.name: self.trials(trial.trial_id, values)}
        except OSError as error:
            raise keras_tuner.errors.FatalError(str(error)) from error

    def on_trial_end(self, trial: Any) -> None:
        """Keep a whole copy of the search's state, and models of the best."""
        super().on_trial_end(trial)  # type: ignore[misc]
        if is_worker():
            return
        _keep_state(self.directory_kept)
        if not isinstance(self, keras_tuner.Hyperband):  # may promote any
            self.trials.prune(ended_scores(self))


class _Bayesian(_TrainsRuns, keras_tuner.BayesianOptimization):
    pass


class _Hyperband(_TrainsRuns, keras_tuner.Hyperband):
    pass


class _Random(_TrainsRuns, keras_tuner.RandomSearch):
    pass


class _Grid(_TrainsRuns, GridSearch):
    pass


_TUNERS: dict[str, type] = {
    "bayesian": _Bayesian,
    "hyperband": _Hyperband,
    "random": _Random,
    "grid": _Grid,
}


def is_worker() -> bool:
    """Say whether another process, the chief, decides what is tried."""
    name = os.environ.get("KERASTUNER_TUNER_ID")
    return name is not None and name != "chief"


def ended_scores(tuner: Any) -> dict[str, float | None]:
    """Return the score of each trial that ended, `None` where it failed."""
    trials = tuner.oracle.trials.values()
    ended = [t for t in trials if t.trial_id in tuner.oracle.end_order]
    return {
        t.trial_id: t.score if t.status == "COMPLETED" else None for t in ended
    }


def make_tuner(
    config: SearchConfig,
    space: Mapping[str, Range],
    directory: pathlib.Path,
    trials: Trials,
    say: Callable[[str], None],
) -> Any:
    """Return a tuner that goes on with what is in the directory.

    Args:
        config: of the search.
        space: name -> range.
        directory: of the search.
        trials: trains a trial.
        say: is told if the state was torn.
    """
    hp = keras_tuner.HyperParameters()
    for name, values in space.items():
        values.declare(hp, name)
    # A worker's own files go elsewhere: the directory is the chief's to make.
    scratch = tempfile.TemporaryDirectory()
    if not is_worker():
        _mend_state(directory, say)
    budget: dict[str, Any] = {"max_trials": config.most_trials}
    if config.most_trials is None:
        budget = {"max_epochs": config.epochs}
    arguments: dict[str, Any] = dict(
        objective=OBJECTIVE,
        hyperparameters=hp,
        tune_new_entries=False,
        seed=config.seed + 1,  # 0 would be drawn anew
        directory=scratch.name if is_worker() else str(directory),
        project_name=_STATE,
        **budget,
    )
    try:
        tuner = _quietly(_TUNERS[config.tuner], arguments)
    except _FOREIGN:  # JSON, but not the tuner's
        _restore_state(directory, say)
        tuner = _quietly(_TUNERS[config.tuner], arguments)
    tuner.trials, tuner.directory_kept = trials, directory
    tuner.scratch = scratch  # lives as long as the tuner
    return tuner


def _quietly(tuner: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Return a tuner that doesn't print that it was reloaded."""
    with contextlib.redirect_stdout(io.StringIO()):
        return tuner(**arguments)


def _keep_state(directory: pathlib.Path) -> None:
    """Copy the tuner's files into one, which a kill can't tear."""
    state = directory / _STATE
    files = {path: (state / path).read_text() for path in _found(state)}
    write_json({str(k): text for k, text in files.items()}, directory / _KEPT)


def _mend_state(directory: pathlib.Path, say: Callable[[str], None]) -> None:
    """Put the copy in place of files that are torn or gone."""
    state = directory / _STATE
    expected = _expected(state) | _kept_files(directory).keys()
    if not all(is_whole_json(state / path) for path in expected):
        _restore_state(directory, say)
    # Drawn, but killed before the tuner wrote that: it would be passed over.
    for path in state.glob("trial_*/trial.json"):
        if path.relative_to(state) not in _begun(state):
            path.unlink()


def _restore_state(directory: pathlib.Path, say: Callable[[str], None]) -> None:
    state, kept = directory / _STATE, _kept_files(directory)
    then = "the state after the last whole trial is used"
    if not kept:
        then = "the tuner begins anew, with the trials that there are"
    say(f"{state} is torn or lacks files; {then}.")
    shutil.rmtree(state, ignore_errors=True)
    for path, text in kept.items():
        (state / path).parent.mkdir(parents=True, exist_ok=True)
        (state / path).write_text(text)


def _kept_files(directory: pathlib.Path) -> dict[pathlib.Path, str]:
    """Return the copied files' contents, none before the first trial ended.

    Nor of a file that isn't a search's.
    """
    kept = directory / _KEPT
    files = json.loads(kept.read_text()) if is_whole_json(kept) else {}
    if not isinstance(files, dict) or not all(
        isinstance(text, str) and ".." not in name and name[:1] != "/"
        for name, text in files.items()
    ):
        return {}
    return {pathlib.Path(name): text for name, text in files.items()}


def _found(state: pathlib.Path) -> set[pathlib.Path]:
    return {path.relative_to(state) for path in state.rglob("*.json")}


def _expected(state: pathlib.Path) -> set[pathlib.Path]:
    """Return the files of a state: those there, and those these need."""
    found = _found(state)
    if not found:
        return set()
    return found | {pathlib.Path("oracle.json")} | _begun(state)


def _begun(state: pathlib.Path) -> set[pathlib.Path]:
    """Return the files of the trials that the tuner knows to be begun."""
    try:
        text = (state / "oracle.json").read_text()
        begun = list(json.loads(text)["start_order"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        begun = []  # torn or gone, or not the tuner's
    return {pathlib.Path(f"trial_{number}", "trial.json") for number in begun}
