"""Directories that hold one run each."""

from __future__ import annotations

import pathlib
import shutil


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
            "--overwrite to replace it or --resume to continue it."
        )
    return path


def check_replaceable(path: pathlib.Path) -> None:
    """Raise `ValueError` for a directory that doesn't look like a run's.

    Nobody loses their files to a mistyped --output_dir.
    """
    looks_like_run = (path / "config.json").is_file()
    if path.is_dir() and any(path.iterdir()) and not looks_like_run:
        raise ValueError(
            f"{path} is not empty and not a run (it has no config.json); it "
            "won't be replaced."
        )


def make_empty(path: pathlib.Path) -> None:
    """Create a run's directory, without what was there."""
    check_replaceable(path)
    if path.is_dir():
        shutil.rmtree(path)
    path.mkdir(parents=True)
