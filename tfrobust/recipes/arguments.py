"""Call something by name with settings, and say what it takes if it can't."""

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
    """Return the keyword arguments a function or constructor names."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def check_settings(
    name: str, function: Callable[..., Any], settings: Mapping[str, Any]
) -> None:
    """Raise `ValueError` for settings `function` doesn't take or lacks."""
    takes = accepted(function)
    unknown = [s for s in settings if s not in takes]
    if unknown:
        raise ValueError(
            f"`{name}` takes {', '.join(takes) or 'no settings'}. "
            f"Received: {', '.join(f'{u}={settings[u]!r}' for u in unknown)}"
        )
    parameters = inspect.signature(function).parameters
    missing = [
        n
        for n in takes
        if parameters[n].default is inspect.Parameter.empty
        and n not in settings
    ]
    if missing:
        raise ValueError(
            f"`{name}` needs {', '.join(missing)}. Received: {dict(settings)!r}"
        )
