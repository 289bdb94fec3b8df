"""Checks of constructor arguments: one line saying what came."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import tensorflow as tf


def check_non_negative(name: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a finite number >= 0.

    A tensor passes unchecked: that is how a compiled loop receives a number
    without being traced again for each of its values.
    """
    if tf.is_tensor(value):
        return
    if not _is_number(value) or not 0 <= value < float("inf"):
        raise ValueError(
            f"`{name}` must be non-negative and finite. "
            f"Received: {name}={value!r}"
        )


def check_positive(name: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a finite number > 0."""
    if tf.is_tensor(value):
        return
    if not _is_number(value) or not 0 < value < float("inf"):
        raise ValueError(
            f"`{name}` must be positive and finite. Received: {name}={value!r}"
        )


def check_integer(name: str, value: Any, *, minimum: int) -> None:
    """Raise `ValueError` unless `value` is an integer >= `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(
            f"`{name}` must be an integer. Received: {name}={value!r}"
        )
    if value < minimum:
        raise ValueError(
            f"`{name}` must be at least {minimum}. Received: {name}={value!r}"
        )


def check_choice(name: str, value: Any, options: Iterable[Any]) -> None:
    """Raise `ValueError` unless `value` is one of `options`.

    The message lists the options and, for a misspelt word, the nearest.
    """
    options = list(options)
    if value in options:
        return
    near = difflib.get_close_matches(str(value), [str(o) for o in options], 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"`{name}` must be one of {', '.join(map(str, options))}.{hint} "
        f"Received: {name}={value!r}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
