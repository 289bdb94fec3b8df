"""What a search keeps of its tuner, and goes on from after a kill."""

import contextlib
import functools
import json
import os
import shutil
import tempfile
import types

import pytest

from tfrobust import tuning
from tfrobust.experiments import search_grid
from tfrobust.experiments import search_ranges
from tfrobust.experiments import search_trials
from tfrobust.experiments import search_tuners
from tfrobust.experiments.search_config import SearchConfig


class _Trials:
    """Says what was asked for, and that the later is the better."""

    def __init__(self):
        self.values = {}

    def __call__(self, number, values):
        self.values[number] = dict(values)
        return float(number) / 10

    def prune(self, scores):
        pass


def _search(directory, said):
    config = SearchConfig("gradient_norm", tuner="random", max_trials=3)
    space = tuning.search_space("gradient_norm", (28, 28, 1), epochs=2)
    trials = _Trials()
    tuner = search_tuners.make_tuner(
        config, space, directory, trials, said.append
    )
    tuner.search(verbose=0)
    tried = tuner.oracle.trials.items()
    values = {number: t.hyperparameters.values for number, t in tried}
    # What is begun again has the values that it had.
    assert trials.values.items() <= values.items()
    return values


class _Killed(BaseException):
    pass


def _kill_at(monkeypatch, point):
    """Let the nth change of a name or its removal be the last."""
    left = iter(range(point, -1, -1))

    def change(real, *args, **kwargs):
        if next(left, 0) == 0:
            raise _Killed
        return real(*args, **kwargs)

    for name in ("replace", "rename", "unlink", "remove", "rmdir"):
        killing = functools.partial(change, getattr(os, name))
        monkeypatch.setattr(os, name, killing)


def test_no_kill_tears_what_is_kept(tmp_path, monkeypatch):
    # Its end is no change of what is kept.
    scratch = types.SimpleNamespace(name=str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda: scratch)
    whole = _search(tmp_path / "whole", [])
    assert len({tuple(values.values()) for values in whole.values()}) == 3
    for point in range(100):
        run = tmp_path / str(point)
        try:
            with monkeypatch.context() as patch:
                _kill_at(patch, point)
                _search(run, [])
            break
        except _Killed:
            pass
        # The tuner's own file was being written.
        state = run / "search" / "oracle.json"
        state.write_text(state.read_text()[:-40])
        said = []
        assert _search(run, said) == whole
        assert "is torn or lacks files" in said[0]
        shutil.rmtree(run)
    # One file takes another's place at each trial's end.
    assert 3 <= point < 99


def test_a_killed_grid_search_goes_on_through_the_grid(tmp_path, monkeypatch):
    config = SearchConfig("gradient_norm", tuner="grid", max_trials=9)
    space = tuning.search_space("gradient_norm", (28, 28, 1), epochs=2)
    ranges = {"weight": "0.1|1", "learning_rate": "0.001|0.003"}
    space = tuning.changed_space(space, (), search_ranges.read_ranges(ranges))
    history = {"val_accuracy": [0.9], "val_robust_accuracy": [0.5]}
    said, begun = [], []

    def train(settings, run, **arguments):
        begun.append(run.name)
        if begun == ["0", "1", "2"]:
            raise _Killed
        return types.SimpleNamespace(history=history)

    monkeypatch.setattr(search_trials, "train", train)
    for killed in (True, False):
        trials = search_trials.Trials(
            config, tmp_path, search_grid.grid_size(space), said.append
        )
        tuner = search_tuners.make_tuner(
            config, space, tmp_path, trials, said.append
        )
        with pytest.raises(_Killed) if killed else contextlib.nullcontext():
            tuner.search(verbose=0)
    assert begun == ["0", "1", "2", "2", "3"]
    # The grid has four points, however many trials there might be.
    assert said[-1].startswith("Trial 3 of 4, about")
    tried = sorted(tuner.oracle.trials.items())
    assert [tuple(t.hyperparameters.values.values()) for _, t in tried] == [
        (0.1, 0.001),
        (0.1, 0.003),
        (1.0, 0.001),
        (1.0, 0.003),
    ]
    assert {t.status for _, t in tried} == {"COMPLETED"}


@pytest.mark.parametrize(
    "name, text, kept",
    [
        ("search_kept.json", "[]", None),
        ("search/oracle.json", "[]", None),
        ("search/oracle.json", '{"start_order": 5}', None),
        ("search/trial_0/trial.json", "{}", None),
        ("search/trial_0/trial.json", "[]", None),
        ("search/oracle.json", "torn", '{"oracle.json": 5}'),
        ("search/oracle.json", "torn", '{"../../mine.json": "{}"}'),
    ],
)
def test_what_is_no_tuners_is_not_gone_on_from(tmp_path, name, text, kept):
    run = tmp_path / "run"
    whole = _search(run, [])
    (run / name).write_text(text)
    if kept is not None:
        (run / "search_kept.json").write_text(kept)
    said = []
    assert _search(run, said) == whole
    assert bool(said) == name.startswith("search/")
    assert ("begins anew" in "".join(said)) == (kept is not None)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_trial_that_was_drawn_and_not_begun_is_drawn_again(
    tmp_path, monkeypatch
):
    whole, run = _search(tmp_path / "whole", []), tmp_path / "run"

    def kill(self, number, values):
        if number == "1":
            raise _Killed
        return 0.5

    with monkeypatch.context() as patch:
        patch.setattr(_Trials, "__call__", kill)
        with pytest.raises(_Killed):
            _search(run, [])
    # As if killed between the two files: the tuner knows of trial 0 alone.
    earlier = json.loads((run / "search_kept.json").read_text())
    (run / "search" / "oracle.json").write_text(earlier["oracle.json"])
    assert (run / "search" / "trial_1" / "trial.json").is_file()
    assert _search(run, []) == whole
