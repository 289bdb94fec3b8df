"""Directories that hold one run each."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
from typing import Any


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
    if resume and not (path / "config.json").is_file():
        raise ValueError(f"{path} holds no run to resume.")
    if path.is_dir() and any(path.iterdir()) and not (overwrite or resume):
        raise ValueError(
            f"The output directory {path} holds another run; pass "
            "--overwrite to replace it, or --resume to continue it."
        )
    check_writable(path)
    return path


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
    """Raise `ValueError` for a run that was begun with other settings."""
    there = read_config(path)
    other = [name for name in settings if there.get(name) != settings[name]]
    if other:
        name = other[0]
        raise ValueError(
            f"{path} holds a run with {name}={there.get(name)!r}; it can't "
            f"be resumed with {name}={settings[name]!r}."
        )


def check_writable(path: pathlib.Path) -> None:
    """Raise `OSError` now and not after the work if nothing can be written."""
    there = next(p for p in [path, *path.absolute().parents] if p.exists())
    with tempfile.TemporaryDirectory(dir=there):
        pass


def check_replaceable(path: pathlib.Path, config: Any) -> None:
    """Raise `ValueError` for a directory that holds no run of this kind.

    Nobody loses their files, or a training to an evaluation, by a mistyped
    --output_dir.

    Args:
        path: the directory.
        config: of the new run; another of its kind has the same settings.
    """
    if not path.is_dir() or not any(path.iterdir()):
        return
    kind = {field.name for field in dataclasses.fields(config)}
    known = (path / "config.json").is_file()
    # A version more or less has a setting more or less.
    if not known or len(kind & set(read_config(path))) < 0.8 * len(kind):
        raise ValueError(
            f"{path} holds something else than a run with a "
            f"{type(config).__name__}; it won't be replaced."
        )


def make_empty(path: pathlib.Path, config: Any) -> None:
    """Create a run's directory, without the run that was there."""
    check_replaceable(path, config)
    if path.is_dir():
        shutil.rmtree(path)
    path.mkdir(parents=True)
