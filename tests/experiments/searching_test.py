"""Searches with real trials: what they leave, how they go on, who is best."""

import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tfrobust.experiments import search_config
from tfrobust.experiments import search_ranges
from tfrobust.experiments import search_trials
from tfrobust.experiments import searching
from tfrobust.records import read_record
from tfrobust.records import TrialRecord

_ROOT = pathlib.Path(__file__).parents[2]
_SMALL = {
    "architecture": "dense_network",
    "tuner": "random",
    "epochs": 2,
    "validation_examples": 60,
    "validation_steps": 2,
    "final_attacks": ("fgsm",),
    "finalists": 2,
}


def _config(recipe="gradient_norm", **changes):
    arguments = _SMALL | {"max_trials": 3} | changes
    if arguments["tuner"] == "hyperband":
        del arguments["max_trials"]
    return search_config.SearchConfig(recipe, **arguments)


def _search(config, directory, **arguments):
    said = []
    record = searching.search(config, directory, say=said.append, **arguments)
    return record, said


def _weights(path):
    return keras.models.load_model(path).classifier.get_weights()


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    directory = tmp_path_factory.mktemp("search") / "run"
    record, said = _search(_config(), directory, resume=True)  # of nothing
    return directory, record, said


def test_the_record_is_of_the_trials_own_runs(searched):
    directory, record, said = searched
    assert read_record(directory / "search.json") == record
    assert [t.number for t in record.trials] == ["0", "1", "2"]
    for k, trial in enumerate(record.trials):
        run = read_record(directory / "trials" / trial.number / "training.json")
        names = "val_robust_accuracy", "val_accuracy"
        robust, clean = max(zip(*map(run.history.get, names), strict=True))
        assert trial.score == trial.robust_accuracy == robust
        assert trial.clean_accuracy == clean
        settings = run.configuration["settings"]
        assert settings["weight"] == trial.values["weight"]
        # Own weights, but one set of validation examples.
        assert run.configuration["seed"] == trial.seed == k
        assert run.configuration["validation_seed"] == 0
    assert "Trial 2 of 3, about" in next(s for s in said if "Trial 2" in s)
    assert (directory / "search.png").read_bytes()[:4] == b"\x89PNG"


def test_the_winner_is_the_best_finalist_and_can_be_trained_again(
    searched, tmp_path
):
    directory, record, _ = searched
    scores = [t.score for t in record.trials]
    first, second = sorted(range(3), key=lambda k: (-scores[k], k))[:2]
    assert [f.number for f in record.finalists] == [str(first), str(second)]
    for finalist in record.finalists:
        path = directory / "finalists" / f"{finalist.number}.json"
        attacked = read_record(path)
        assert attacked.split == "validation" and attacked.num_examples == 60
        assert finalist.robust_accuracy == attacked.worst_case_accuracy
        verdicts = {c.name: c.verdict for c in attacked.masking}
        assert set(finalist.signs) == {
            name
            for name, verdict in verdicts.items()
            if verdict == finalist.masking and verdict != "ok"
        }
    believed = [f for f in record.finalists if f.masking != "failed"]
    best = max(believed, key=lambda f: f.robust_accuracy)
    assert record.winner == best.number
    done = subprocess.run(
        [sys.executable, "-m", "tools.train"]
        + [f"--flagfile={directory}/winner.flags"]
        + [f"--output_dir={tmp_path}/again"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-500:]
    again = _weights(tmp_path / "again" / "best_robust.keras")
    for a, b in zip(again, _weights(directory / "winner.keras"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_the_finalists_models_are_kept(searched):
    directory, record, _ = searched
    kept = {p.parent.name for p in directory.glob("trials/*/last.keras")}
    assert kept == {f.number for f in record.finalists}
    assert len(list(directory.glob("trials/*/training.json"))) == 3


def test_a_finished_search_is_read_and_another_refused(searched):
    directory, record, _ = searched
    again, said = _search(_config(), directory, resume=True)
    assert again.trials == record.trials and again.winner == record.winner
    assert not any(line.startswith("Trial") for line in said)
    with pytest.raises(ValueError, match="epochs=2; it can't be resumed"):
        _search(_config(epochs=3), directory, resume=True)
    with pytest.raises(ValueError, match="--overwrite"):
        _search(_config(), directory)


def _same(again, record):
    assert again.trials == record.trials
    assert again.finalists == record.finalists
    assert again.winner == record.winner
    assert again.model_digest == record.model_digest


@pytest.mark.parametrize(
    "gone",
    ["oracle.json", "tuner0.json", "trial_0/trial.json", "trial_2/trial.json"],
)
def test_a_state_that_lacks_a_file_is_mended(gone, searched, tmp_path):
    directory, record, _ = searched
    run = shutil.copytree(directory, tmp_path / "run")
    (run / "search" / gone).unlink()
    again, said = _search(_config(), run, resume=True)
    _same(again, record)
    assert "search is torn or lacks files" in " ".join(said)
    assert not any(line.startswith("Trial") for line in said)


def test_a_state_that_is_gone_is_mended(searched, tmp_path):
    directory, record, _ = searched
    run = shutil.copytree(directory, tmp_path / "run")
    shutil.rmtree(run / "search")
    again, said = _search(_config(), run, resume=True)
    _same(again, record)
    assert not any(line.startswith("Trial") for line in said)


def test_a_trial_that_was_begun_and_has_no_copy_is_begun_again(
    searched, tmp_path
):
    directory, record, _ = searched
    run = shutil.copytree(directory, tmp_path / "run")
    (run / "search_kept.json").unlink()
    (run / "search" / "trial_1" / "trial.json").unlink()
    # Only the finalists' models are kept: the other has to be trained.
    for trial in {"0", "1", "2"} - {f.number for f in record.finalists}:
        shutil.rmtree(run / "trials" / trial)
    again, said = _search(_config(), run, resume=True)
    _same(again, record)
    assert any(line.startswith("Trial") for line in said)


def test_a_torn_model_takes_no_winners_place(searched, tmp_path):
    directory, record, _ = searched
    run = shutil.copytree(directory, tmp_path / "run")
    before = (run / "winner.keras").read_bytes()
    (run / "trials" / record.winner / "best_robust.keras").write_bytes(b"")
    with pytest.raises(ValueError, match=r"best_robust\.keras"):
        _search(_config(), run, resume=True)
    assert (run / "winner.keras").read_bytes() == before


def test_a_torn_finalist_is_attacked_again(searched, tmp_path):
    directory, record, _ = searched
    run = shutil.copytree(directory, tmp_path / "run")
    path = run / "finalists" / f"{record.winner}.json"
    path.write_text(path.read_text()[:-40])
    again, said = _search(_config(), run, resume=True)
    _same(again, record)
    assert any(f"{path} is torn" in line for line in said)
    whole = read_record(directory / "finalists" / path.name)
    assert read_record(path).worst_case_accuracy == whole.worst_case_accuracy


def test_the_floor_forbids_and_then_nothing_is_best(tmp_path):
    run = tmp_path / "run"
    process = _tool(run, "--max_trials=1", "--clean_floor=1")
    said, _ = process.communicate()
    assert process.returncode == 1
    last = said.splitlines()[-1]
    assert last.startswith("error: Nothing is best: no finalist")
    assert last.endswith("/search.json has every trial.")
    record = read_record(run / "search.json")
    (trial,) = record.trials
    clean = read_record(run / "trials/0/training.json").history["val_accuracy"]
    assert trial.score == pytest.approx(max(clean) - 1.0)
    assert record.finalists == () and record.winner == ""
    assert not (run / "winner.keras").exists()


def test_trials_that_failed_are_told_and_never_best(tmp_path):
    config = _config(ranges={"learning_rate": "1e37:1e38"}, max_trials=5)
    with pytest.raises(ValueError, match="None of 3 trials completed"):
        _search(config, tmp_path / "run")
    record = read_record(tmp_path / "run" / "search.json")
    assert {t.status for t in record.trials} == {"failed"}
    assert all("is not finite" in t.message for t in record.trials)
    assert record.winner == ""


def test_a_setting_that_every_trial_would_refuse_is_refused_at_once(tmp_path):
    for changes, message in (
        ({"ranges": {"beta": "1:2"}}, "Received: beta"),
        ({"search": ("learning_rate",)}, "needs weight"),
        ({"settings": {"weight_decay": "abc"}}, "`weight_decay`"),
        ({"settings": {"weight": 5}}, "fixed or searched, not both"),
        ({"ranges": {"weight": "1.0:1e309"}}, "all finite"),
    ):
        with pytest.raises(ValueError, match=message):
            _search(_config(**changes), tmp_path / "run")
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_hyperband_searches_no_warm_up(tmp_path):
    config = _config("fgsm_training", tuner="hyperband", epochs=4)
    record, _ = _search(config, tmp_path / "run")
    assert "epsilon_warm_up" not in record.space
    assert {t.status for t in record.trials} == {"completed"}


def test_a_full_disk_fails_no_trial(tmp_path, monkeypatch):
    config = _config(max_trials=1, epochs=1)

    def full(settings, run, **arguments):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(search_trials, "train", full)
        with pytest.raises(OSError, match="No space left"):
            _search(config, tmp_path / "run")
    record, _ = _search(config, tmp_path / "run", resume=True)
    assert [(t.number, t.status) for t in record.trials] == [("0", "completed")]


def test_whole_numbers_among_others_are_numbers():
    ranges = search_ranges.read_ranges({"decay": "0|0.9", "depth": "8|14"})
    assert ranges["decay"].values == (0.0, 0.9)
    assert [type(v) for v in ranges["decay"].values] == [float] * 2
    assert [type(v) for v in ranges["depth"].values] == [int] * 2


@pytest.mark.slow
def test_hyperband_promotes_trials_that_go_on_where_they_were(tmp_path):
    config = _config(tuner="hyperband", epochs=3, validation_steps=6)
    record, _ = _search(config, tmp_path / "run")
    assert {t.epochs for t in record.trials} == {1, 3}
    promoted = 0
    for trial in record.trials:
        run = tmp_path / "run" / "trials" / trial.number
        found = read_record(run / "training.json")
        asked = found.configuration
        # A third of the epochs is validated with a third of the steps.
        assert asked["validation_steps"] == 2 * trial.epochs
        if asked["begin_with"] is None:
            assert len(found.history["loss"]) == trial.epochs
            continue
        promoted += 1
        assert len(found.history["loss"]) == 2
        earlier = pathlib.Path(asked["begin_with"]).parent
        whole = read_record(earlier / "training.json").configuration
        assert whole["settings"] == asked["settings"]
        assert whole["seed"] == asked["seed"] == trial.seed
    assert promoted >= 1
    # Short trainings under few steps are no finalists.
    full = {t.number for t in record.trials if t.epochs == 3}
    assert {f.number for f in record.finalists} <= full
    models = (tmp_path / "run").glob("trials/*/last.keras")
    assert {p.parent.name for p in models} == {
        f.number for f in record.finalists
    }


def _trial(number, score, epochs=3):
    return TrialRecord(number, "completed", {}, 0, epochs, 0.9, 0.5, score, "")


def test_finalists_are_whole_allowed_and_best_first():
    trials = [
        _trial("0", 0.5),
        _trial("1", 0.9, epochs=1),
        _trial("2", -0.1),
        _trial("3", 0.6),
        _trial("4", 0.6),
        dataclasses.replace(_trial("5", None), status="failed"),
    ]
    best = searching.finalists_of(trials, 3)
    assert [t.number for t in best] == ["3", "4", "0"]


_FLAGS = [
    *("--recipe=gradient_norm", "--tuner=random", "--max_trials=3"),
    *("--architecture=dense_network", "--epochs=2", "--finalists=2"),
    *("--validation_examples=60", "--validation_steps=2"),
    "--final_attacks=fgsm",
]


def _tool(directory, *flags, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tools.tune", f"--output_dir={directory}"]
        + [*_FLAGS, *flags],
        cwd=_ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_search_goes_on_to_the_same_record(searched, tmp_path):
    _, whole, _ = searched
    run, flags = tmp_path / "run", []
    for wanted in ("trials/0/history.csv", "trials/1/training.json"):
        process = _tool(run, *flags)
        while not (run / wanted).is_file() and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        flags = ["--resume"]
    # As if it had been killed in the middle of a write.
    state = run / "search" / "oracle.json"
    state.write_text(state.read_text()[:-40])
    # The winner's flags say nothing of what isn't set.
    assert (
        "--leaking_components" not in (searched[0] / "winner.flags").read_text()
    )
    process = _tool(run, *flags)
    said, _ = process.communicate()
    assert process.returncode == 0, said[-500:]
    assert "is torn" in said
    record = read_record(run / "search.json")
    assert record.trials == whole.trials
    assert record.finalists == whole.finalists
    assert record.winner == whole.winner


@pytest.mark.slow
def test_a_chief_and_two_workers_share_the_trials(searched, tmp_path):
    _, whole, _ = searched
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = str(listening.getsockname()[1])
    where = {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": port,
    }
    run = tmp_path / "run"
    workers = [
        _tool(run, KERASTUNER_TUNER_ID=f"worker{k}", **where) for k in range(2)
    ]
    time.sleep(5.0)  # a chief that is late is waited for
    chief = _tool(run, KERASTUNER_TUNER_ID="chief", **where)
    try:
        for worker in workers:
            said, _ = worker.communicate(timeout=200)
            assert worker.returncode == 0, said[-800:]
            assert "the chief names the winner" in said
        said, _ = chief.communicate(timeout=200)
        assert chief.returncode == 0, said[-800:]
    finally:
        for process in (chief, *workers):
            process.kill()
    record = read_record(run / "search.json")
    # The tuner draws at random, one trial after the other.
    assert [t.values for t in record.trials] == [t.values for t in whole.trials]
    assert [t.score for t in record.trials] == [t.score for t in whole.trials]
    assert record.winner == whole.winner


def test_two_replicas_search_too(tmp_path):
    flags = ("--strategy=mirrored", "--num_devices=2", "--max_trials=1")
    process = _tool(tmp_path / "run", *flags)
    said, _ = process.communicate()
    assert process.returncode == 0, said[-800:]
    record = read_record(tmp_path / "run" / "search.json")
    assert record.trials[0].status == "completed"
    assert record.trials[0].score is not None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"recipe": "srg"}, "Did you mean 'sgr'"),
        ({"tuner": "bayes"}, "Did you mean 'bayesian'"),
        ({"tuner": "hyperband", "max_trials": 3}, "counts its trials"),
        ({"tuner": "hyperband", "epochs": 2}, "needs 3 `epochs`"),
        ({"max_trials": 0}, "`max_trials` must be at least 1"),
        ({"clean_floor": 1.5}, "`clean_floor` must be at most 1"),
        ({"validation_examples": 0}, "needs validation examples"),
        ({"final_attacks": ("pdg",)}, "pgd"),
        ({"final_attacks": ()}, "at least one attack"),
        ({"norm": 2}, "`epsilon` must be given"),
        ({"recipe": "lfr", "norm": 2, "epsilon": 0.5}, "in the l-inf ball"),
        ({"strategy": "multi_worker"}, "trained on one machine"),
        ({"seed": 99999999999}, r"below 2\*\*32"),
        ({"seed": -1}, "`seed` must be at least 0"),
        # Trial 19 would have 2**32.
        ({"seed": (1 << 32) - 19}, f"at most {(1 << 32) - 20}"),
        ({"seed": (1 << 32) - 1, "max_trials": 1}, "at most 4294967294"),
        (
            {"tuner": "hyperband", "seed": 4294967290},
            f"at most {(1 << 32) - 100}",
        ),
        ({"settings": {"weight": float("nan")}}, "must be finite.*weight=nan"),
        ({"settings": {"weight": float("inf")}}, "must be finite.*weight=inf"),
    ],
)
def test_bad_settings(changes, message):
    arguments = {"recipe": "sgr"} | changes
    with pytest.raises(ValueError, match=message) as error:
        search_config.SearchConfig(**arguments)
    assert "\n" not in str(error.value)


def test_a_seed_with_room_for_every_trial_is_taken():
    config = search_config.SearchConfig("sgr", seed=(1 << 32) - 20)
    # Its twentieth and last trial has the last seed there is.
    seed = config.seed + config.most_trials - 1
    last = config.training({"weight": 1.0}, seed=seed)
    assert last.seed == (1 << 32) - 1


@pytest.mark.parametrize(
    "text",
    ["1", "1:2:3", "a:b", "2:1", "0:1", "x|y", "1.0:1e309", "nan|1", "1:nan"],
)
def test_bad_ranges(text):
    with pytest.raises(ValueError, match="Received"):
        search_ranges.read_ranges({"weight": text})
