"""A training's configuration as flags of tools.train."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.experiments.training_config import TrainingConfig


def flag_lines(config: TrainingConfig) -> list[str]:
    """Return a flagfile's lines: all that isn't a default.

    Example:

    >>> flag_lines(TrainingConfig("digits", epochs=3))
    ['--data=digits', '--epochs=3']
    """
    lines = [f"--data={config.data}"]
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in ("data", "settings", "begin_with"):
            continue
        if isinstance(value, list):  # as JSON has tuples
            value = tuple(value)
        if value != _default(field):
            size = field.name == "image_size"
            text = "x".join(map(str, value)) if size else _text(value)
            lines.append(f"--{field.name}={text}")
    settings = {k: v for k, v in config.settings.items() if k != "norm"}
    if config.epsilon is not None:
        settings.pop("epsilon", None)
    return lines + [f"--{k}={_text(v)}" for k, v in settings.items()]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory()  # type: ignore[misc,operator]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)
