"""Names of trainings and evaluations: same settings, same name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tfrobust.records import plain


def placeless(config: Any) -> dict[str, Any]:
    """Return settings, of a dataclass or plain, without where files lie."""
    settings = dict(config) if isinstance(config, Mapping) else plain(config)
    for place in ("data_dir", "model"):
        settings.pop(place, None)
    return settings


def settings_digest(settings: Mapping[str, Any]) -> str:
    """Return eight hexadecimal digits that tell settings apart."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run_name(training: Mapping[str, Any]) -> str:
    """Return a training's name, from its placeless settings."""
    digest = settings_digest(training)
    return f"{training['data']}-{training['defense']}-{digest}"
