"""Outcomes on disk, a line each: what a kill leaves is what was done."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import reprlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from tfrobust.experiments.run_directory import MOVABLE
from tfrobust.records import whole_file

Header = dict[str, Any]
Key = tuple[str, int]
Check = Callable[[Key, Any], None]
"""Raises `ValueError` for an outcome that can't be."""


def _anything(key: Key, outcome: Any) -> None:
    del key, outcome


class OtherRunError(ValueError):
    """Outcomes of another model, seed, version or source revision."""


class OutcomeLog(dict[Key, dict[str, Any]]):
    """Outcomes that are written as they come, and read when resumed.

    The first line says what they are outcomes of; a last line that was torn
    is dropped.

    Args:
        path: the file; made where there is none.
        header: what the outcomes depend on.
        check: of what is read; default none.

    Raises:
        ValueError: for a file of something else.
    """

    def __init__(
        self, path: pathlib.Path, header: Header, check: Check = _anything
    ) -> None:
        super().__init__(read_outcomes(path, header, check))
        self._path = path
        # What was torn goes, and the header is there before any outcome.
        whole = [json.dumps({"header": header}, sort_keys=True)]
        whole += [_line(key, outcome) for key, outcome in self.items()]
        with whole_file(path) as part:
            part.write_text("".join(line + "\n" for line in whole))

    def __setitem__(self, key: Key, outcome: dict[str, Any]) -> None:
        super().__setitem__(key, outcome)
        with self._path.open("a") as file:
            file.write(_line(key, outcome) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_outcomes(
    path: pathlib.Path, header: Header, check: Check = _anything
) -> dict[Key, dict[str, Any]]:
    """Return the outcomes in a file; none where there is no file.

    Raises:
        OtherRunError: for outcomes that depend on something else.
        ValueError: with the line's number, for what is no outcome.
    """
    lines = _parsed_lines(path) if path.is_file() else []
    if not lines:
        return {}
    with _named(path, 1):
        there = _header(lines[0])
    other = _differing(there, json.loads(json.dumps(header)))
    if other:
        raise OtherRunError(
            f"{path} holds outcomes of another run, with other "
            f"{', '.join(other)}; pass --overwrite to begin again."
        )
    outcomes: dict[Key, dict[str, Any]] = {}
    for number, line in enumerate(lines[1:], 2):
        with _named(path, number):
            key, outcome = _key_and_outcome(line)
            check(key, outcome)
            if outcomes.setdefault(key, outcome) != outcome:
                raise ValueError(f"a line before tells otherwise of {key}")
    return outcomes


def _differing(there: Header, here: Header) -> list[str]:
    """Return the names under which two headers differ, innermost.

    Where a model lies makes no difference: its digest is in the header.
    """
    names: list[str] = []
    for name in sorted(there.keys() | here.keys()):
        one, other = there.get(name), here.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            names += _differing(one, other)
        elif one != other and name != MOVABLE:
            names.append(name)
    return names


def _line(key: Key, outcome: dict[str, Any]) -> str:
    attack, batch = key
    data = {"attack": attack, "batch": batch, "outcome": outcome}
    return json.dumps(data, sort_keys=True)


@contextlib.contextmanager
def _named(path: pathlib.Path, number: int) -> Iterator[None]:
    """Say of an error in which line it was, and what to do."""
    try:
        yield
    except ValueError as error:
        choice = "" if number == 1 else "remove the line, or "
        raise ValueError(
            f"{path}, line {number}, can't be used: {error}; {choice}pass "
            "--overwrite to begin again."
        ) from error


def _parsed_lines(path: pathlib.Path) -> list[Any]:
    """Return what the lines hold, but for a last one that a kill tore."""
    lines = path.read_bytes().splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        with _named(path, number):
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                if number < len(lines):
                    raise ValueError("it is not JSON") from error
    return found


def _header(line: Any) -> Header:
    if not isinstance(line, dict) or not isinstance(line.get("header"), dict):
        raise ValueError(
            "it must be a header, of what the outcomes depend on. "
            f"Received: {reprlib.repr(line)}"
        )
    return line["header"]


def _key_and_outcome(line: Any) -> tuple[Key, Any]:
    data = line if isinstance(line, dict) else {}
    attack, batch = data.get("attack"), data.get("batch")
    if (
        not isinstance(attack, str)
        or type(batch) is not int  # which `True` would be
        or not isinstance(data.get("outcome"), dict)
    ):
        raise ValueError(
            "it must hold attack, batch and outcome. "
            f"Received: {reprlib.repr(line)}"
        )
    return (attack, batch), data["outcome"]
