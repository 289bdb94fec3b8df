"""Run directories: one run in each, and nobody's own files lost."""

import dataclasses
import json
import subprocess
import sys

import pytest

from tfrobust.experiments import run_directory
from tfrobust.records import plain
from tfrobust.records import write_json


@dataclasses.dataclass
class _Config:
    seed: int = 0
    epochs: int = 1


def _claimed(path, **arguments):
    return run_directory.claimed(path, _Config(), **arguments)


def _run(path, **arguments):
    """Write a run; return whether it went on with another."""
    with _claimed(path, **arguments) as begun:
        if not begun:
            overwrite = arguments.get("overwrite", False)
            run_directory.make_empty(path, overwrite=overwrite)
            write_json(plain(_Config()), path / "config.json")
    return begun


def _names(path):
    return sorted(p.name for p in path.iterdir())


@pytest.mark.parametrize("first, second", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_two_runs_write_to_one_directory_only_where_both_share(
    first, second, tmp_path
):
    path = tmp_path / "run"
    refused = False
    with _claimed(path, shared=bool(first)):
        try:
            with _claimed(path, shared=bool(second)):
                pass
        except ValueError as error:
            refused = "Another run writes to" in str(error)
    assert refused == (not (first and second))
    assert not _run(path)


def test_a_killed_run_holds_nothing(tmp_path):
    _run(tmp_path)
    code = (
        "import fcntl, os, sys, time\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print(flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        try:
            for arguments in ({"resume": True}, {"overwrite": True}):
                with pytest.raises(ValueError, match="Another run writes to"):
                    _run(tmp_path, **arguments)
        finally:
            other.kill()
    assert _run(tmp_path, resume=True)
    assert not _run(tmp_path, overwrite=True)


def test_resuming_nothing_begins_and_then_goes_on(tmp_path):
    path = tmp_path / "runs" / "new"
    assert not _run(path, resume=True)
    assert _run(path, resume=True)


def test_somebodys_files_are_no_run_to_resume(tmp_path):
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(ValueError, match="no run to resume, but notes.txt"):
        _run(tmp_path, resume=True)
    assert _names(tmp_path) == ["notes.txt"]


def test_where_nothing_is_written_nothing_is_left(tmp_path):
    with _claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert _names(tmp_path) == []


@pytest.mark.parametrize("torn", [".part-config.json", ".config.json.part"])
def test_what_a_kill_has_torn_is_no_run(torn, tmp_path):
    (tmp_path / torn).write_text("{")
    assert not _run(tmp_path)
    assert _names(tmp_path) == ["config.json"]


def test_looking_whether_one_may_write_leaves_no_trace(tmp_path):
    # A name, however short it stands, is what a kill would leave.
    before = tmp_path.stat().st_mtime_ns
    run_directory.check_writable(tmp_path)
    assert tmp_path.stat().st_mtime_ns == before


def test_only_what_runs_write_is_replaced(tmp_path):
    _run(tmp_path)
    (tmp_path / "trials" / "0").mkdir(parents=True)
    (tmp_path / "outcomes-1-of-2.jsonl").write_text("{}")
    (tmp_path / "notes.txt").write_text("precious")
    before = _names(tmp_path)
    with pytest.raises(ValueError, match="notes.txt was written by no run"):
        _run(tmp_path, overwrite=True)
    assert _names(tmp_path) == before
    run_directory.clear(tmp_path)
    assert _names(tmp_path) == ["notes.txt"]
    (tmp_path / "notes.txt").unlink()
    _run(tmp_path)
    (tmp_path / "trials").mkdir()
    _run(tmp_path, overwrite=True)
    assert _names(tmp_path) == ["config.json"]
    assert json.loads((tmp_path / "config.json").read_text())["epochs"] == 1
