"""What a batch's outcome must be before one that was read is believed."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from typing import Any

from tfrobust.arguments import is_number
from tfrobust.evaluation import CLEAN
from tfrobust.evaluation import SIGNS

_FIELDS = {CLEAN: ("robust",), SIGNS: ("change", "flat")}
_OF_AN_ATTACK = ("robust", "norm")


def check_outcome(name: str, outcome: Any, count: int) -> None:
    """Raise `ValueError` unless an outcome is of so many examples.

    Args:
        name: of the attack, or `CLEAN` or `SIGNS`.
        outcome: as it was read.
        count: of the batch's examples; below 1 there is no such batch.
    """
    if count < 1:
        raise ValueError(f"{name!r} has no such batch")
    if not isinstance(outcome, dict):
        raise ValueError(
            "`outcome` must be a mapping. "
            f"Received: outcome={reprlib.repr(outcome)}"
        )
    for field in _FIELDS.get(name, _OF_AN_ATTACK):
        _check_values(field, outcome.get(field), count)
    if not _is_length(outcome.get("seconds", 0.0)):
        raise ValueError(
            "`seconds` must be a number. "
            f"Received: seconds={reprlib.repr(outcome['seconds'])}"
        )


def _check_values(field: str, values: Any, count: int) -> None:
    """Raise `ValueError` unless it is a list of as many values as it takes."""
    is_value, what = _VALUES[field]
    if not isinstance(values, list) or not all(map(is_value, values)):
        raise ValueError(
            f"`{field}` must be a list of {what}. "
            f"Received: {field}={reprlib.repr(values)}"
        )
    # Of "flat" there is one for each image that was classified correctly.
    fewest, most = {"change": (1, 1), "flat": (0, count)}.get(
        field, (count, count)
    )
    if not fewest <= len(values) <= most:
        raise ValueError(
            f"`{field}` must have {most} values. Received: {len(values)}"
        )


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_length(value: Any) -> bool:
    return is_number(value) and 0 <= value < math.inf


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "robust": (_is_truth, "true and false"),
    "flat": (_is_truth, "true and false"),
    "norm": (_is_length, "finite numbers >= 0"),
    "change": (is_number, "numbers"),
}
