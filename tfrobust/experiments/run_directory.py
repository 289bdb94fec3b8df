"""Directories that hold one run each."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import fnmatch
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from tfrobust.records import plain

# What runs write; whatever else lies in their directories is a person's own.
_WRITTEN = (
    *("config.json", ".part-*", ".*.part"),
    *("training.json", "history.csv", "last.keras", "best_robust.keras"),
    "seconds.json",
    *("backup-*.npz", "tensorboard", "failed.txt", "attacked"),
    *("evaluation.json", "outcomes.jsonl", "run.json"),
    *("outcomes-*-of-*.jsonl", "run-*-of-*.json"),
    *("analysis.json", "analysis.png", "analysis-*.png", "pieces"),
    *("curve.json", "examples.json", "transfer.json", "benchmark.json"),
    *("search.json", "search.png", "search", "trials"),
    *("search_kept.json", "search_kept"),  # and of earlier versions
    *("finalists", "winner.keras", "winner.flags"),
)
# A setting that tells where something lies, and not what it is.
MOVABLE = "model"
_PARTS = (".part-*", ".*.part")


@contextlib.contextmanager
def claimed(
    path: str | pathlib.Path,
    config: Any,
    *,
    overwrite: bool = False,
    resume: bool = False,
    shared: bool = False,
) -> Iterator[bool]:
    """Hold a directory for a run; yield whether a run there is gone on with.

    `resume` of nothing begins: whoever loops until a run is done always
    passes it. The directory is made, and removed if nothing was written.

    Args:
        path: the directory.
        config: of the run.
        overwrite: replace the run that is there.
        resume: go on with the run that is there.
        shared: let others in that share; default: hold it alone.

    Raises:
        ValueError: where another run is held or was begun, or somebody's
            files are.
    """
    if overwrite and resume:
        raise ValueError("A run is either replaced or resumed, not both.")
    path = check_free(path, overwrite=overwrite, resume=resume)
    with _held(path, shared=shared):
        # What another run did just now counts too.
        check_free(path, overwrite=overwrite, resume=resume)
        begun = resume and is_begun(path)
        if begun:
            check_same(path, plain(config))
        else:
            check_replaceable(path, config)
        yield begun


@contextlib.contextmanager
def _held(path: pathlib.Path, *, shared: bool) -> Iterator[None]:
    """Hold a directory; the system lets go of it, however a process ends."""
    made = [p for p in (path, *path.absolute().parents) if not p.exists()]
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        _lock(handle, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # something was written
                for directory in made:
                    directory.rmdir()
    finally:
        os.close(handle)


def _lock(handle: int, path: pathlib.Path, kind: int) -> None:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(
            f"Another run writes to {path} now; let it end, or choose another "
            "directory."
        ) from error
    except OSError:
        pass  # some network file systems can't; then nobody is kept out


def is_begun(path: pathlib.Path) -> bool:
    """Say whether a directory holds a run, finished or not."""
    return (path / "config.json").is_file()


def check_free(
    path: str | pathlib.Path, *, overwrite: bool = False, resume: bool = False
) -> pathlib.Path:
    """Return the path if a run may be written there, without touching it.

    Raises:
        ValueError: for a path that is a file, or holds something else and
            neither `overwrite` nor `resume` is set.
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(f"The output directory {path} is a file.")
    found = _contents(path)
    if found and resume and not is_begun(path):
        raise ValueError(
            f"{path} holds no run to resume, but {found[0].name}; choose "
            "another directory."
        )
    if found and not (overwrite or resume):
        raise ValueError(
            f"The output directory {path} holds another run; pass "
            "--overwrite to replace it, or --resume to continue it."
        )
    check_writable(path)
    return path


def _contents(path: pathlib.Path) -> list[pathlib.Path]:
    """Return what is in a directory, but for torn files of a kill."""
    found = sorted(path.iterdir()) if path.is_dir() else []
    return [p for p in found if not _is_named(p, _PARTS)]


def _is_named(path: pathlib.Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path.name, p) for p in patterns)


def read_config(path: pathlib.Path) -> dict[str, Any]:
    """Return the settings of the run in a directory, or raise ValueError."""
    try:
        config = json.loads((path / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}/config.json can't be read.") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}/config.json holds no settings.")
    return config


def check_same(path: pathlib.Path, settings: dict[str, Any]) -> None:
    """Raise `ValueError` for a run that was begun with other settings.

    A model's file may have moved; whether it is the same, its digest tells,
    where what was done is read.
    """
    there = read_config(path)
    other = [
        name
        for name in settings
        if name != MOVABLE and there.get(name) != settings[name]
    ]
    if other:
        name = other[0]
        raise ValueError(
            f"{path} holds a run with {name}={there.get(name)!r}; it can't "
            f"be resumed with {name}={settings[name]!r}."
        )


def check_writable(path: pathlib.Path) -> None:
    """Raise `OSError` now and not after the work if nothing can be written."""
    there = next(p for p in [path, *path.absolute().parents] if p.exists())
    # A nameless file: a kill leaves nothing in the way of the next run.
    with tempfile.TemporaryFile(dir=there, prefix=".part-"):
        pass


def check_replaceable(path: pathlib.Path, config: Any) -> None:
    """Raise `ValueError` for a directory that holds no run of this kind.

    Nobody loses their files, or a training to an evaluation, by a mistyped
    --output_dir.

    Args:
        path: the directory.
        config: of the new run; another of its kind has the same settings.
    """
    found = _contents(path)
    if not found:
        return
    kind = {field.name for field in dataclasses.fields(config)}
    # A version more or less has a setting more or less.
    known = is_begun(path) and (
        len(kind & set(read_config(path))) >= 0.8 * len(kind)
    )
    if not known:
        raise ValueError(
            f"{path} holds something else than a run with a "
            f"{type(config).__name__}; it won't be replaced."
        )
    foreign = [p for p in found if not _is_named(p, _WRITTEN)]
    if foreign:
        raise ValueError(
            f"{foreign[0]} was written by no run and would be lost; move it "
            "away, or choose another directory."
        )


def make_empty(path: pathlib.Path, *, overwrite: bool) -> None:
    """Make a directory that is claimed ready, without the run in it."""
    check_free(path, overwrite=overwrite)
    path.mkdir(parents=True, exist_ok=True)
    clear(path)


def clear(path: pathlib.Path) -> None:
    """Remove what a run wrote, and nothing else."""
    for found in path.iterdir():
        if not _is_named(found, _WRITTEN):
            continue
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        else:
            found.unlink()
