"""Checks of constructor arguments: one line saying what came."""

from __future__ import annotations

import difflib
import numbers
import reprlib
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
    if not is_number(value) or not 0 <= value < float("inf"):
        raise ValueError(
            f"`{name}` must be non-negative and finite. "
            f"Received: {name}={value!r}"
        )


def check_positive(name: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a finite number > 0."""
    if tf.is_tensor(value):
        return
    if not is_number(value) or not 0 < value < float("inf"):
        raise ValueError(
            f"`{name}` must be positive and finite. Received: {name}={value!r}"
        )


def check_fraction(name: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a number from 0 to 1."""
    check_non_negative(name, value)
    if value > 1:
        raise ValueError(
            f"`{name}` must be at most 1. Received: {name}={value}"
        )


def check_integer(name: str, value: Any, *, minimum: int) -> None:
    """Raise `ValueError` unless `value` is an integer >= `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
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
    words = [o for o in options if isinstance(o, str)]
    near = difflib.get_close_matches(str(value), words, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"`{name}` must be one of {', '.join(map(str, options))}.{hint} "
        f"Received: {name}={value!r}"
    )


def is_number(value: Any) -> bool:
    """Say whether a value is a number, which `True` is not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_type(name: str, value: Any, kind: type, *, example: str) -> None:
    """Raise `ValueError` unless `value` is an instance of `kind`."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise ValueError(
            f"`{name}` must be {article} {kind.__name__}, such as {example}. "
            f"Received: {name}={reprlib.repr(value)}"
        )


def check_seed(seed: Any) -> None:
    """Raise `ValueError` unless `seed` is an integer in [0, 2**32)."""
    check_integer("seed", seed, minimum=0)
    if seed >= 1 << 32:
        raise ValueError(f"`seed` must be below 2**32. Received: seed={seed}")
