"""Ranges of a search as a person writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tfrobust.tuning import Choices
from tfrobust.tuning import Integers
from tfrobust.tuning import Range
from tfrobust.tuning import Reals


def read_ranges(texts: Mapping[str, str]) -> dict[str, Range]:
    """Return name -> range.

    Args:
        texts: "0.01:1" for numbers, "8:64" for whole ones, "0|0.5|0.9" for
            one of these.

    Raises:
        ValueError: for a text that is none of them.

    Example:

    >>> read_ranges({"weight": "0.1:10", "decay": "0|0.9"})["weight"]
    Reals(low=0.1, high=10.0)
    """
    return {name: _range(name, text) for name, text in texts.items()}


def _range(name: str, text: str) -> Range:
    try:
        if "|" in text:
            values = [_number(part) for part in text.split("|")]
            whole = all(isinstance(value, int) for value in values)
            return Choices(tuple(values if whole else map(float, values)))
        low, high = map(_number, text.split(":"))
    except ValueError as error:
        raise ValueError(
            "A range is low:high, or values with | between, all finite. "
            f"Received: {name}={text}"
        ) from error
    if isinstance(low, int) and isinstance(high, int):
        return Integers(low, high)
    return Reals(float(low), float(high))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number
