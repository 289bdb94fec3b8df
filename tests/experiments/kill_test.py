"""tools.evaluate killed with SIGKILL, as a machine would, and resumed."""

import pathlib
import signal
import subprocess
import sys
import time

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


def _started(directory):
    flags = {"model": _MODEL, "output_dir": directory} | _FLAGS
    if (directory / "outcomes.jsonl").is_file():
        flags["resume"] = "true"
    return subprocess.Popen(
        [sys.executable, "-m", "tools.evaluate"]
        + [f"--{name}={value}" for name, value in flags.items()],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _lines(log):
    return log.read_bytes().count(b"\n") if log.is_file() else 0


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
