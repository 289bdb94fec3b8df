"""Pieces of an analysis on disk: what a kill leaves is what was done."""

from __future__ import annotations

import json
import pathlib
import shutil
import urllib.parse
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tfrobust.attacks.pieces import Arrays
from tfrobust.attacks.pieces import Compute
from tfrobust.records import write_json

_DIRECTORY = "pieces"


class KeptPieces:
    """Keeps each piece in a file of its own, and gives it back.

    Args:
        run: the run directory.
        prepare: called before a piece is written.
        origin: what the pieces depend on, plain JSON data.

    Raises:
        ValueError: for a directory with pieces of another origin.
    """

    def __init__(
        self,
        run: pathlib.Path,
        prepare: Callable[[], None],
        origin: dict[str, Any],
    ) -> None:
        self._directory = run / _DIRECTORY
        self._prepare = prepare
        self._origin = origin
        there = _read(self._directory / "origin.json", origin)
        other = [name for name in origin if there.get(name) != origin[name]]
        if other:
            raise ValueError(
                f"{run} holds pieces of another run, with other "
                f"{', '.join(other)}; pass --overwrite to begin again."
            )

    def __call__(self, name: str, compute: Compute) -> Arrays:
        """Return the piece that was kept, or compute and keep it."""
        path = self._directory / f"{urllib.parse.quote(name, safe=' ')}.npz"
        try:
            with np.load(path, allow_pickle=False) as kept:
                return dict(kept)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            pass  # it was never computed, or the file was harmed
        arrays = compute()
        self._prepare()
        self._directory.mkdir(exist_ok=True)
        if not (self._directory / "origin.json").is_file():
            write_json(self._origin, self._directory / "origin.json")
        temporary = path.with_name(f".part-{path.name}")
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        temporary.replace(path)
        return arrays

    def drop(self) -> None:
        """Remove what was kept: the record is there now."""
        shutil.rmtree(self._directory, ignore_errors=True)


def _read(path: pathlib.Path, default: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return default
