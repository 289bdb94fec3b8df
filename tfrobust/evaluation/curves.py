"""Robust accuracy against the radius of the ball."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_type
from tfrobust.attacks.base import Attack
from tfrobust.attacks.pieces import attacked
from tfrobust.evaluation.suite import Progress
from tfrobust.records import CurveRecord
from tfrobust.serialization import describe


def accuracy_against_epsilon(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attack: Attack,
    epsilons: Sequence[float],
    *,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
    batch_size: int = 250,
    progress: Progress | None = None,
) -> CurveRecord:
    """Attack at several radii with one budget.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...).
        y: integer labels, shape (batch,).
        attack: its radius is replaced; a step size of `PGD` given as a
            number is scaled along.
        epsilons: radii in input units, rising.
        model, model_digest, data, provenance: of the record.
        batch_size: examples attacked at a time; default 250.
        progress: called with ("curve", examples done) after each batch.

    Returns:
        A record; accuracy at epsilon = 0 is the clean one.

    Raises:
        ValueError: for what is no attack, or radii that do not rise.
    """
    check_type("attack", attack, Attack, example="PGD(ball)")
    _check_radii(epsilons)
    # All are made before the first is used: errors come at once.
    attacks = [attack.with_radius(epsilon) for epsilon in epsilons]
    accuracies = []
    for epsilon, at_epsilon in zip(epsilons, attacks, strict=True):
        result = attacked(
            f"radius {epsilon}",
            at_epsilon,
            classifier,
            x,
            y,
            batch_size=batch_size,
            progress=None if progress is None else _curve(progress),
        )
        accuracies.append(result.robust_accuracy)
    ball = describe(attack.threat_model)
    settings = {"threat_model": ball} | describe(attack)
    return CurveRecord(
        model=model,
        attack=_without_radius(settings),
        epsilons=tuple(float(e) for e in epsilons),
        robust_accuracy=tuple(accuracies),
        num_examples=len(x),
        model_digest=model_digest,
        data=data,
        provenance=provenance or {},
    )


def _check_radii(epsilons: Sequence[float]) -> None:
    if np.ndim(epsilons) != 1 or not len(epsilons):
        raise ValueError(
            "`epsilons` must be at least one radius, in a list. "
            f"Received: epsilons={epsilons!r}"
        )
    for epsilon in epsilons:
        check_non_negative("epsilons", epsilon)
    if list(epsilons) != sorted(set(epsilons)):
        raise ValueError(f"`epsilons` must rise. Received: {tuple(epsilons)}")


def _without_radius(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings but for the radius, of an attack inside too."""
    without = dict(settings)
    if "attack" in settings:
        without["attack"] = _without_radius(settings["attack"])
    if "threat_model" in settings:
        without["threat_model"] = settings["threat_model"] | {"epsilon": None}
    return without


def _curve(progress: Progress) -> Any:
    return lambda done: progress("curve", done)
