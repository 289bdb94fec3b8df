"""Look names up, and say what there is where one isn't."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from tfrobust.arguments import check_choice


def pick(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    """Return `table[name]`, or raise with the list and the nearest name."""
    check_choice(kind, name, sorted(table))
    return table[name]


def accepted(function: Callable[..., Any]) -> list[str]:
    """Return the keyword-only arguments that a function names."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
