"""Outcomes on disk, a line each: what a kill leaves is what was done."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from tfrobust.records import whole_file

Header = dict[str, Any]


class OutcomeLog(dict[tuple[str, int], dict[str, Any]]):
    """Outcomes that are written as they come, and read when resumed.

    The first line says what they are outcomes of; a last line that was torn
    is dropped.

    Args:
        path: the file; made where there is none.
        header: what the outcomes depend on.

    Raises:
        ValueError: for a file of something else.
    """

    def __init__(self, path: pathlib.Path, header: Header) -> None:
        super().__init__(read_outcomes(path, header))
        self._path = path
        # What was torn goes, and the header is there before any outcome.
        whole = [json.dumps({"header": header}, sort_keys=True)]
        whole += [_line(key, outcome) for key, outcome in self.items()]
        with whole_file(path) as part:
            part.write_text("".join(line + "\n" for line in whole))

    def __setitem__(
        self, key: tuple[str, int], outcome: dict[str, Any]
    ) -> None:
        super().__setitem__(key, outcome)
        with self._path.open("a") as file:
            file.write(_line(key, outcome) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_outcomes(
    path: pathlib.Path, header: Header
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the outcomes in a file; none where there is no file.

    Raises:
        ValueError: for outcomes that depend on something else.
    """
    if not path.is_file():
        return {}
    text = path.read_text(errors="replace")
    lines = [_parsed(line) for line in text.splitlines()]
    there = lines[0].get("header") if lines and lines[0] else None
    if not isinstance(there, dict):
        return {}
    other = _differing(there, json.loads(json.dumps(header)))
    if other:
        raise ValueError(
            f"{path} holds outcomes of another run, with other "
            f"{', '.join(other)}; pass --overwrite to begin again."
        )
    outcomes: dict[tuple[str, int], dict[str, Any]] = {}
    for number, line in enumerate(lines[1:], 2):
        if line is None:
            continue
        key, outcome = _entry(line, f"{path}, line {number}")
        if outcomes.setdefault(key, outcome) != outcome:
            raise ValueError(
                f"{path}, line {number}: another outcome of {key[0]!r}, batch "
                f"{key[1]}; pass --overwrite to begin again."
            )
    return outcomes


def _differing(there: Header, here: Header) -> list[str]:
    """Return the names under which two headers differ, innermost."""
    names: list[str] = []
    for name in sorted(there.keys() | here.keys()):
        one, other = there.get(name), here.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            names += _differing(one, other)
        elif one != other:
            names.append(name)
    return names


def _line(key: tuple[str, int], outcome: dict[str, Any]) -> str:
    attack, batch = key
    data = {"attack": attack, "batch": batch, "outcome": outcome}
    return json.dumps(data, sort_keys=True)


def _parsed(line: str) -> dict[str, Any] | None:
    """Return a line's data; `None` where it was torn."""
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _entry(
    line: dict[str, Any], place: str
) -> tuple[tuple[str, int], dict[str, Any]]:
    """Return a line's key and outcome, or raise `ValueError`."""
    attack, batch = line.get("attack"), line.get("batch")
    outcome = line.get("outcome")
    if (
        not isinstance(attack, str)
        or type(batch) is not int
        or not isinstance(outcome, dict)
        or not all(isinstance(value, bool) for value in _robust(outcome))
    ):
        raise ValueError(
            f"{place}: expected attack, batch and outcome; pass --overwrite "
            "to begin again."
        )
    return (attack, batch), outcome


def _robust(outcome: dict[str, Any]) -> list[Any]:
    robust = outcome.get("robust", [])
    return robust if isinstance(robust, list) else [robust]
