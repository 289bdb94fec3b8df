"""Tools killed with SIGKILL, as a machine would, and resumed.

Each starts TensorFlow half a dozen times. An evaluation that is stopped and
gone on with inside one process is tested in evaluating_test.
"""

import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfrobust import experiments

_ROOT = pathlib.Path(__file__).parents[2]
_MODEL = pathlib.Path(__file__).parents[1] / "data" / "digits_at15.keras"
_FLAGS = {
    "data": "digits",
    "attacks": "pgd,apgd_ce",
    "num_examples": 120,
    "batch_size": 20,
    "masking_examples": 40,
}


def _started(directory, tool="evaluate", given=_FLAGS):
    flags = {"model": _MODEL, "output_dir": directory} | given
    if (directory / "config.json").is_file():
        flags["resume"] = "true"
    return subprocess.Popen(
        [sys.executable, "-m", f"tools.{tool}"]
        + [f"--{name}={value}" for name, value in flags.items()],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _lines(log):
    return log.read_bytes().count(b"\n") if log.is_file() else 0


@pytest.mark.slow
def test_killed_twice_the_record_is_the_same_to_the_byte(tmp_path):
    whole = tmp_path / "whole"
    config = experiments.EvaluationConfig(
        str(_MODEL),
        data="digits",
        attacks=("pgd", "apgd_ce"),
        num_examples=120,
        batch_size=20,
        masking_examples=40,
    )
    experiments.evaluate(config, whole, say=lambda _: None)
    killed = tmp_path / "killed"
    log, found = killed / "outcomes.jsonl", []
    for _ in range(2):
        before, process = _lines(log), _started(killed)
        # The header, and a batch or more of this run.
        while _lines(log) < max(before, 1) + 2 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert not (killed / "evaluation.json").exists()
        found.append(_lines(log))
    assert 1 < found[0] < found[1]
    assert _started(killed).wait() == 0
    ours, theirs = (d / "evaluation.json" for d in (killed, whole))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_killed_analysis_computes_only_what_is_missing(tmp_path):
    flags = {
        "analysis": "gradient_leaking",
        "num_examples": 120,
        "batch_size": 20,
        "attacks": "apgd_ce,pgd",
        "epsilon": 0.15,
        "norm": "inf",
    }
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert _started(whole, "analyze", flags).wait() == 0
    assert not (whole / "pieces").exists()
    for pieces in (1, 4):
        process = _started(killed, "analyze", flags)
        while _pieces(killed) < pieces and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert not (killed / "analysis.json").exists()
    # Whose piece is another's, so is the outcome: it isn't computed again.
    first, last = killed / "pieces" / "apgd_ce 0.npz", _pieces(killed)
    assert 4 <= last < 12
    with np.load(first) as kept:
        zeros = {name: np.zeros_like(kept[name]) for name in kept}
        # What says whose piece it is stays.
        zeros["of"] = kept["of"]
    harmed = shutil.copytree(killed, tmp_path / "harmed")
    np.savez(harmed / "pieces" / first.name, **zeros)
    # A piece of another name is no piece of this one.
    second = killed / "pieces" / "apgd_ce 20.npz"
    shutil.copy(second, first)
    for directory in (killed, harmed):
        assert _started(directory, "analyze", flags).wait() == 0
    ours, theirs, other = (
        (d / "analysis.json").read_bytes() for d in (killed, whole, harmed)
    )
    assert ours == theirs != other


def _pieces(directory):
    return len(list(directory.glob("pieces/[!.]*.npz")))
