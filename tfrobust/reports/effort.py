"""What an evaluation tried, and what it did not."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from tfrobust.records import EvaluationRecord

# What follows differences of logits.
_OF_LOGITS = {
    "Margin",
    "DifferenceOfLogitsRatio",
    "CarliniWagner",
    "DeepFool",
    "FAB",
    "TargetedFAB",
    "FMN",
    "TemperedCrossEntropy",
}


def ball_name(record: EvaluationRecord) -> str:
    """Return the threat model of a record, as one would say it."""
    names = dict.fromkeys(_ball(a.settings) for a in record.attacks)
    return " and ".join(names) or "no attack"


def masking_verdict(record: EvaluationRecord) -> str:
    """Return the worst verdict of the masking report, and how many say so."""
    for verdict in ("failed", "suspicious"):
        count = sum(check.verdict == verdict for check in record.masking)
        if count:
            return f"{verdict}: {count} of {len(record.masking)} checks"
    if not record.masking:
        return "not looked for"
    return f"ok: {len(record.masking)} checks"


def not_tried(record: EvaluationRecord) -> list[str]:
    """Return what might still break the model, a sentence each.

    A robustness number is an upper bound; these are the ways in which it
    has not been tested.
    """
    looked = {check.name: check.verdict for check in record.masking}
    names = {name for a in record.attacks for name in _names(a.settings)}
    labels = " ".join(attack.name for attack in record.attacks)
    whole = "AutoAttack" in names
    lacking = {
        "AutoAttack: the field's standard ensemble.": whole,
        "a search without gradients (Square), which masked gradients do not "
        "stop.": whole or "Square" in names,
        "an ascent on the margin or DLR, which a saturated cross-entropy "
        "does not stop.": bool(whole or names & _OF_LOGITS),
        "the defense's own objective (adaptive attack), or it is "
        "cross-entropy.": "adaptive" in labels,
        "points of other models (transfer).": "transfer" in labels,
        "more than one random start.": any(
            _is_above_one(a.settings.get("num_restarts"))
            for a in record.attacks
        )
        or whole,
        "the mean of several passes, which a random model needs.": (
            "Expectation" in names or looked.get("random forward") == "ok"
        ),
        "a look for masked gradients.": bool(record.masking),
    }
    lines = [text for text, done in lacking.items() if not done]
    if looked:
        lines.insert(
            0,
            "in the table: the report on masked gradients attacked the first "
            "images in more ways, and the worst case does not count those.",
        )
    balls = [threat_model(a.settings) for a in record.attacks]
    norms = {str(ball.get("norm")) for ball in balls}
    others = [n for n in ("1", "2", "inf") if n not in norms]
    lines.append(f"other norms: l{', l'.join(others)}." if others else "")
    if record.num_examples < 1000:
        half = 98.0 / math.sqrt(record.num_examples)
        lines.append(
            f"more than {record.num_examples} images: a share is known to "
            f"within {half:.0f} points at best."
        )
    return [line for line in lines if line]


def with_verdicts(
    rows: list[list[str]], records: Sequence[EvaluationRecord]
) -> list[list[str]]:
    """Return a table with a column more: the verdict on masked gradients."""
    verdicts = [masking_verdict(record) for record in records]
    column = ["masked gradients", *verdicts]
    return [[*row, cell] for row, cell in zip(rows, column, strict=True)]


def settings_text(settings: dict[str, Any]) -> str:
    """Return settings as one line of JSON."""
    return json.dumps(settings, sort_keys=True)


def threat_model(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the ball of an attack; empty where its settings hold none."""
    ball = settings.get("threat_model")
    return ball if isinstance(ball, dict) else {}


def _is_above_one(value: Any) -> bool:
    return isinstance(value, int) and value > 1


def _ball(settings: dict[str, Any]) -> str:
    ball = threat_model(settings)
    epsilon = ball.get("epsilon", "?")
    radius = f"{epsilon:g}" if isinstance(epsilon, float | int) else epsilon
    return f"l{ball.get('norm', '?')}, epsilon {radius}"


def _names(value: Any) -> set[str]:
    """Return the names of everything that settings hold."""
    if isinstance(value, list | tuple):
        return {name for part in value for name in _names(part)}
    if not isinstance(value, dict):
        return set()
    own = {value["name"]} if isinstance(value.get("name"), str) else set()
    return own.union(*map(_names, value.values()))
