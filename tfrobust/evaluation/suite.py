"""Run attacks on a classifier and record what withstood them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.records import AttackRecord
from tfrobust.records import EvaluationRecord
from tfrobust.serialization import describe

Progress = Callable[[str, int], None]


def evaluate_robustness(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attacks: Mapping[str, Attack],
    *,
    batch_size: int = 250,
    model: str = "",
    data: str = "",
    split: str = "test",
    provenance: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> EvaluationRecord:
    """Attack a classifier with each attack alone, and record the outcomes.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...), floats in the attacks' bounds.
        y: integer labels, shape (batch,).
        attacks: name -> attack; run in this order, each on every example
            that is classified correctly.
        batch_size: examples attacked at a time; default 250.
        model, data, split, provenance: written into the record.
        progress: called with (attack name, examples done) after each batch.

    Returns:
        A record; its `worst_case` is per example over all attacks.

    Raises:
        ValueError: for bad inputs, or an attack that left ball or box.
    """
    x = check_images(x, bounds=None)
    check_classifier(classifier, x)
    logits = predict_logits(classifier, x, batch_size=batch_size)
    check_logits(logits)
    y = check_labels(y, num_examples=len(x), num_classes=logits.shape[1])
    records = []
    for name, attack in attacks.items():
        start = time.perf_counter()
        result = attack(
            classifier,
            x,
            y,
            batch_size=batch_size,
            progress=_named(progress, name),
        )
        seconds = time.perf_counter() - start
        verify_threat_model(name, attack, result, x)
        records.append(_attack_record(name, attack, result, seconds))
    return EvaluationRecord(
        model=model,
        model_digest=weights_digest(classifier),
        data=data,
        split=split,
        clean=tuple((logits.argmax(1) == y).tolist()),
        attacks=tuple(records),
        provenance=provenance or {},
    )


def verify_threat_model(
    name: str, attack: Attack, result: AttackResult, x: np.ndarray
) -> None:
    """Raise `ValueError` if a point left ball or box, outside the attack."""
    inside = attack.threat_model.contains(
        tf.constant(result.x_adv), tf.constant(x)
    ).numpy()
    if not inside.all():
        raise ValueError(
            f"Attack {name!r} left its threat model {attack.threat_model} on "
            f"{np.count_nonzero(~inside)} of {len(x)} examples."
        )


def weights_digest(model: keras.Model) -> str:
    """Return the SHA-256 of a model's weights, in their order."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(str((weight.shape, weight.dtype.name)).encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _attack_record(
    name: str, attack: Attack, result: AttackResult, seconds: float
) -> AttackRecord:
    settings = describe(attack)
    if isinstance(attack, GradientAttack):
        settings["step_size"] = attack.step_length
    return AttackRecord(
        name=name,
        settings=settings,
        robust=tuple(result.robust.tolist()),
        perturbation_norm=tuple(
            round(float(v), 7) for v in result.perturbation_norm
        ),
        seconds=round(seconds, 3),
    )


def _named(
    progress: Progress | None, name: str
) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(name, done)
