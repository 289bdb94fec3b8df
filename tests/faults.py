"""Break runs in every way that machines do, and see what is lost.

python -m tests.faults [WORD ...]   only faults whose name holds a word

Writes docs/results/faults.md after each; of those that were left out it holds
what was seen before. Disks that are full need the right to mount;
where there is none they are left out, and the page says so.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import tqdm

from tfrobust import reports
from tfrobust.experiments.provenance import provenance
from tfrobust.records import write_json

_ROOT = pathlib.Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "results" / "faults.md"
_KEPT = _PAGE.with_suffix(".json")
_MODEL = _ROOT / "tests" / "data" / "digits_at15.keras"
_KILLS, _AT_ONCE = 25, 5
_TRAIN = [
    *("--defense=sgr_fgsm", "--weight=0.1", "--epsilon=0.1"),
    *("--num_components=20", "--num_noise_components=5"),
    *("--epochs=6", "--batch_size=64", "--backup_every=2"),
    *("--validation_examples=100", "--validation_steps=5"),
]
_EVALUATE = [
    *(f"--model={_MODEL}", "--data=digits", "--attacks=pgd,apgd_ce,square"),
    *("--num_examples=150", "--batch_size=15", "--masking_examples=0"),
]
_TUNE = [
    *("--recipe=gradient_norm", "--tuner=random", "--max_trials=4"),
    *("--architecture=dense_network", "--epochs=4", "--finalists=2"),
    *("--validation_examples=60", "--validation_steps=3"),
    "--final_attacks=fgsm",
]


def start(tool, flags, directory, **environment):
    """Start a tool; it goes on with what is in the directory."""
    resume = ["--resume"] if (directory / "config.json").is_file() else []
    return subprocess.Popen(
        [sys.executable, "-m", f"tools.{tool}", f"--output_dir={directory}"]
        + [*flags, *resume],
        cwd=_ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, timeout=600):
    """Return what a tool said; raise unless it ended well."""
    said, _ = process.communicate(timeout=timeout)
    if process.returncode != 0:
        raise RuntimeError(said[-600:])
    return said


def same_training(whole, run):
    """Say whether two trainings left the same weights and history."""
    import keras

    a, b = (keras.models.load_model(d / "last.keras") for d in (whole, run))
    weights = zip(a.variables, b.variables, strict=True)
    if not all(np.array_equal(np.array(x), np.array(y)) for x, y in weights):
        return False
    logs = [(d / "history.csv").read_bytes() for d in (whole, run)]
    return logs[0] == logs[1]


def same_evaluation(whole, run):
    """Say whether two evaluations wrote the same record, to the byte."""
    a, b = ((d / "evaluation.json").read_bytes() for d in (whole, run))
    return a == b


def same_search(whole, run):
    """Say whether two searches tried, scored and named the same."""
    a, b = (json.loads((d / "search.json").read_text()) for d in (whole, run))
    return all(a[k] == b[k] for k in ("trials", "finalists", "winner"))


def killed(tool, flags, same, directory, rng):
    """Kill a tool at random moments of its work, and let it go on."""
    begun = time.monotonic()
    finish(start(tool, flags, directory / "whole"))
    whole = time.monotonic() - begun
    kills = equal = runs = 0
    while kills < _KILLS:
        run = directory / f"run{runs}"
        for _ in range(_AT_ONCE):
            process = start(tool, flags, run)
            try:
                # Most of it in the work itself, some while it loads.
                finish(process, timeout=rng.uniform(0.2, 0.9) * whole)
                break  # done before its moment came
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        finish(start(tool, flags, run))
        equal += same(directory / "whole", run)
        runs += 1
    return f"{kills} kills in {runs} runs; {equal} the same", equal == runs


def refused(process, words):
    """Say what a tool did that could not go on: one line, no traceback."""
    said, _ = process.communicate(timeout=600)
    # A bar may stand before it on the line, and close after it.
    lines = re.findall(r"\berror: [^\r\n]*", said) or [""]
    good = process.returncode == 1 and words in lines[-1]
    return lines[-1], good and "Traceback" not in said


@contextlib.contextmanager
def small_disk(megabytes):
    """Mount a small disk; its path, or skip."""
    where = tempfile.mkdtemp()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", where],
        capture_output=True,
    )
    if done.returncode:
        raise PermissionError("no right to mount")
    try:
        yield pathlib.Path(where)
    finally:
        subprocess.run(["umount", "-l", where], check=False)


def full_disk(directory, rng):
    """Train on a disk that fills up; make room; go on."""
    del rng
    finish(start("train", _TRAIN, directory / "whole"))
    with small_disk(16) as disk:
        (disk / "ballast").write_bytes(b"0" * 15_000_000)
        run = disk / "run"
        line, good = refused(start("train", _TRAIN, run), "No space left")
        (disk / "ballast").unlink()
        finish(start("train", _TRAIN, run))
        same = same_training(directory / "whole", run)
    return f"{line}; with room made, {_yes(same)} the same", good and same


def read_only(directory, rng):
    """Ask for an output where nothing can be written."""
    del directory, rng
    # /proc is no place for files, whoever asks.
    where = pathlib.Path("/proc/run")
    line, good = refused(start("train", _TRAIN, where), "/proc")
    return f"{line}", good


def data_vanishes(directory, rng):
    """Take the prepared data away between a kill and going on."""
    del rng
    data = directory / "data"
    flags = ["--data=mnist", f"--data_dir={data}", "--epochs=1"]
    line, good = refused(start("train", flags, directory / "run"), str(data))
    left = (directory / "run").exists()
    return f"{line}; {_yes(not left)} nothing left", good and not left


def data_vanishes_within(directory, rng):
    """Take the prepared data away while a training runs; it is in memory."""
    del rng
    shared = _ROOT.parent / "shared" / "tfds"
    if not shared.is_dir():
        raise PermissionError("no prepared data")
    data = directory / "data"
    shutil.copytree(shared / "mnist", data / "mnist")
    flags = ["--data=mnist", f"--data_dir={data}", "--epochs=1"]
    flags += ["--batch_size=1000", "--validation_examples=100"]
    run = directory / "run"
    process = start("train", flags, run)
    while not (run / "config.json").is_file() and process.poll() is None:
        time.sleep(0.05)
    shutil.rmtree(data)
    finish(process)
    return "ended as if nothing were", (run / "training.json").is_file()


def worker_lost(directory, rng):
    """Kill one of two workers; start both again."""
    flags = [*_TRAIN, "--strategy=multi_worker"]
    _both(flags, directory / "whole", lambda workers: None)
    run = directory / "run"
    said = []

    def kill(workers):
        while not list(run.glob("backup-*")) and workers[0].poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.3))
        workers[1].kill()
        workers[1].wait()
        line, good = refused(workers[0], "--resume")
        said.append((line, good))

    _both(flags, run, kill)
    _both(flags, run, lambda workers: None)
    same = same_training(directory / "whole", run)
    line, good = said[0]
    return f"{line}; started again, {_yes(same)} the same", good and same


def _both(flags, directory, act):
    """Start two workers on loopback; let `act` end them, or wait."""
    ports = []
    for _ in range(2):
        with socket.socket() as listening:
            listening.bind(("localhost", 0))
            ports.append(listening.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    configs = [
        {"cluster": cluster, "task": {"type": "worker", "index": k}}
        for k in range(2)
    ]
    workers = [
        start("train", flags, directory, TF_CONFIG=json.dumps(config))
        for config in configs
    ]
    act(workers)
    for worker in workers:
        if worker.returncode is None:
            finish(worker)


def _yes(value):
    return "" if value else "NOT"


@dataclasses.dataclass(frozen=True)
class _Fault:
    """One way to break a run: its name and what does it."""

    name: str
    run: object


_FAULTS = [
    _Fault(
        "SIGKILL of train at random moments",
        lambda d, rng: killed("train", _TRAIN, same_training, d, rng),
    ),
    _Fault(
        "SIGKILL of evaluate at random moments",
        lambda d, rng: killed("evaluate", _EVALUATE, same_evaluation, d, rng),
    ),
    _Fault(
        "SIGKILL of tune at random moments",
        lambda d, rng: killed("tune", _TUNE, same_search, d, rng),
    ),
    _Fault("disk full in training", full_disk),
    _Fault("output that can't be written", read_only),
    _Fault("data directory gone", data_vanishes),
    _Fault("data directory vanishing in training", data_vanishes_within),
    _Fault("one of two workers killed", worker_lost),
]


def main(words):
    """Run the faults, print and write the table, and say if all held."""
    chosen = [
        f for f in _FAULTS if not words or any(w in f.name for w in words)
    ]
    found = _kept()
    for fault in tqdm.tqdm(chosen, unit="fault"):
        with tempfile.TemporaryDirectory() as directory:
            try:
                seen, held = fault.run(
                    pathlib.Path(directory), random.Random(0)
                )
            except PermissionError as error:
                seen, held = f"left out: {error}", None
            except Exception as error:
                seen, held = f"{type(error).__name__}: {error}", False
        shown = {True: "yes", False: "NO", None: "-"}[held]
        seen = " ".join(seen.replace(str(directory), "DIR").split())
        tqdm.tqdm.write(f"{fault.name}: {seen} [{shown}]")
        found = _kept() | {
            fault.name: [fault.name, seen, shown, provenance(0)["revision"]]
        }
        write_json(found, _KEPT)
        _PAGE.write_text(_text(found))
    return all(found[fault.name][2] != "NO" for fault in chosen)


def _kept():
    """Return what was seen of each fault so far."""
    return json.loads(_KEPT.read_text()) if _KEPT.is_file() else {}


def _text(found):
    versions = provenance(0)
    shown = ", ".join(f"{k} {versions[k]}" for k in ("tensorflow", "keras"))
    missing = ["not run", "-", ""]
    rows = [["fault", "seen", "held", "revision"]]
    rows += [found.get(f.name, [f.name, *missing]) for f in _FAULTS]
    return (
        "# What faults do to runs\n\n"
        f"Written by `make faults` ({shown}), on digits. A killed run is "
        "started again with the same flags and `--resume`; the same means "
        "weights to the bit and the log (train), the record to the byte "
        "(evaluate), trials, finalists and winner (tune), of a run that "
        "nothing happened to.\n\n" + reports.as_markdown(rows) + "\n"
    )


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
