"""Pieces of an analysis on disk: what a kill leaves is what was done."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
import urllib.parse
from collections.abc import Callable
from typing import Any

import numpy as np

from tfrobust.attacks.pieces import Arrays
from tfrobust.attacks.pieces import Compute
from tfrobust.records import whole_file

_DIRECTORY = "pieces"
_OF = "of"


class KeptPieces:
    """Keeps each piece in a file of its own, and gives it back.

    Args:
        run: the run directory.
        prepare: called before a piece is written.
        origin: what the pieces depend on, plain JSON data; a piece of
            another origin, or name, is computed again.
    """

    def __init__(
        self,
        run: pathlib.Path,
        prepare: Callable[[], None],
        origin: dict[str, Any],
    ) -> None:
        self._directory = run / _DIRECTORY
        self._prepare = prepare
        self._origin = json.dumps(origin, sort_keys=True)

    def __call__(self, name: str, compute: Compute) -> Arrays:
        """Return the piece that was kept, or compute and keep it."""
        path = self._directory / f"{urllib.parse.quote(name, safe=' ')}.npz"
        of = hashlib.sha256(f"{name} {self._origin}".encode()).hexdigest()
        kept = _read(path)
        if kept.pop(_OF, None) == of:
            return kept
        arrays = compute()
        self._prepare()
        self._directory.mkdir(exist_ok=True)
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, **arrays | {_OF: np.array(of)})  # type: ignore[arg-type]
        return arrays

    def drop(self) -> None:
        """Remove what was kept: the record is there now."""
        shutil.rmtree(self._directory, ignore_errors=True)


def _read(path: pathlib.Path) -> Arrays:
    """Return what a file holds; nothing where there is none, or it is harmed.

    Whatever is wrong with it, the piece is computed again.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except Exception:
        return {}
