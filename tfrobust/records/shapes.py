"""Whether JSON data has the types that a record's fields say."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from typing import Annotated
from typing import Any

Share = Annotated[float, "from 0 to 1"]
"""A share or an accuracy, but for rounding."""
Amount = Annotated[float, "of 0 or more"]
"""Seconds, say."""
_ROUNDING = 1e-4
_RANGES = {
    "from 0 to 1": (-_ROUNDING, 1 + _ROUNDING),
    "of 0 or more": (0.0, math.inf),
}


def misfit(kind: type, data: dict[str, Any]) -> str | None:
    """Return what is wrong with the fields of a record, or `None`.

    Args:
        kind: a dataclass.
        data: name -> value, tuples where the fields say so.

    Example:

    >>> @dataclasses.dataclass
    ... class Point:
    ...     at: tuple[float, ...]
    >>> misfit(Point, {"at": (1, 2.5)}) is None
    True
    >>> misfit(Point, {"at": ("x",)})
    'at is not tuple[float, ...]'
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = dataclasses.fields(kind)
    required = {
        f.name
        for f in fields
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - data.keys())
    if missing:
        return f"{', '.join(missing)} missing"
    unknown = sorted(data.keys() - {f.name for f in fields})
    if unknown:
        return f"{', '.join(unknown)} unknown"
    for name, value in data.items():
        if not fits(value, hints[name]):
            return f"{name} is not {_shown(hints[name])}"
        if not _is_finite(value):
            return f"{name} holds a number that is not finite"
    return None


def fits(value: Any, hint: Any) -> bool:
    """Say whether a value is of a type such as `dict[str, tuple[int, ...]]`."""
    if hint is Any:
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        least, most = _RANGES[inner[1]]
        return fits(value, float) and least <= value <= most
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, part) for part in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _items_fit(value, inner)
    if origin is list:
        return isinstance(value, list) and all(
            fits(part, inner[0]) for part in value
        )
    if origin is dict:
        return isinstance(value, dict) and all(
            isinstance(name, str) and fits(part, inner[1])
            for name, part in value.items()
        )
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _items_fit(value: tuple[Any, ...], inner: tuple[Any, ...]) -> bool:
    if inner[-1] is ...:
        return all(fits(part, inner[0]) for part in value)
    return len(value) == len(inner) and all(map(fits, value, inner))


def _is_finite(value: Any) -> bool:
    try:
        # Records within were looked at before.
        json.dumps(value, allow_nan=False, default=repr)
    except ValueError:
        return False
    return True


def _shown(hint: Any) -> str:
    text = str(hint) if typing.get_args(hint) else hint.__name__
    text = text.replace("typing.", "")
    return re.sub(r"Annotated\[(\w+), '([^']*)'\]", r"\1 \2", text)
