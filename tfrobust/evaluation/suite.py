"""Run attacks on a classifier and record what withstood them."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.attacks.pieces import check_attacks
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.layers import seed_random_layers
from tfrobust.records import AttackRecord
from tfrobust.records import EvaluationRecord
from tfrobust.serialization import describe

Progress = Callable[[str, int], None]
Outcomes = MutableMapping[tuple[str, int], dict[str, Any]]
"""(attack, batch) -> what came of it, as plain JSON data."""
CLEAN = "clean"


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
        progress: called with (attack name, examples done): with 0 before a
            batch, with its size after.

    Returns:
        A record; its `worst_case` is per example over all attacks.

    Raises:
        ValueError: for bad inputs, no attack or one named "clean", or an
            attack that left ball or box.
    """
    outcomes: Outcomes = {}
    attack_batches(
        classifier,
        x,
        y,
        attacks,
        outcomes,
        batch_size=batch_size,
        progress=progress,
    )
    return evaluation_record(
        outcomes,
        attacks,
        model=model,
        model_digest=weights_digest(classifier),
        data=data,
        split=split,
        provenance=provenance or {},
    )


def attack_batches(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attacks: Mapping[str, Attack],
    outcomes: Outcomes,
    *,
    batch_size: int = 250,
    batches: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> None:
    """Put what is missing into `outcomes`: an entry per attack and batch.

    What a batch meets depends on its place alone, random layers that Keras
    seeds included: done in one run or in several, the outcomes are the same.

    Args:
        classifier, x, y, attacks, batch_size, progress: see
            `evaluate_robustness`.
        outcomes: what is there is kept.
        batches: which, counted from 0; default all.
    """
    check_integer("batch_size", batch_size, minimum=1)
    check_some_attacks(attacks)
    if CLEAN in attacks:
        raise ValueError(
            f"No attack may be called {CLEAN!r}: that is the pass without. "
            f"Received: attacks={list(attacks)}"
        )
    x, y = check_examples(classifier, x, y)
    every = range(num_batches(len(x), batch_size))
    wanted = every if batches is None else [b for b in batches if b in every]
    for name, attack in {CLEAN: None, **attacks}.items():
        tell: Progress = _say_nothing
        if progress is not None and attack is not None:
            tell = progress
        for batch in wanted:
            rows = slice(batch * batch_size, (batch + 1) * batch_size)
            if (name, batch) not in outcomes:
                tell(name, 0)
                seed_random_layers(classifier, 0, batch)
                examples = x[rows], y[rows], rows.start
                outcomes[name, batch] = (
                    _clean_outcome(classifier, *examples)
                    if attack is None
                    else _outcome(name, attack, classifier, *examples)
                )
            tell(name, len(x[rows]))


def _say_nothing(name: str, done: int) -> None:
    del name, done


def check_some_attacks(attacks: Any) -> None:
    """Raise `ValueError` unless there are attacks, by name."""
    check_attacks(attacks)
    if not attacks:
        raise ValueError(
            f"`attacks` must hold at least one attack. Received: {attacks!r}"
        )


def check_examples(
    classifier: keras.Model, x: Any, y: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels that fit the classifier, or raise."""
    x = check_images(x, bounds=None)
    check_classifier(classifier, x)
    logits = predict_logits(classifier, x[:1])
    check_logits(logits)
    shape = {"num_examples": len(x), "num_classes": logits.shape[1]}
    return x, check_labels(y, **shape)


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Say of an error which of several models it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def num_batches(num_examples: int, batch_size: int) -> int:
    """Return how many batches so many examples make."""
    return -(-num_examples // batch_size)


def gathered(outcomes: Outcomes, name: str, field: str) -> tuple[Any, ...]:
    """Return a field of every batch's outcome, one after the other."""
    batches = sorted(batch for key, batch in outcomes if key == name)
    parts = [outcomes[name, batch][field] for batch in batches]
    return tuple(value for part in parts for value in part)


def evaluation_record(
    outcomes: Outcomes, attacks: Mapping[str, Attack], **of: Any
) -> EvaluationRecord:
    """Return the record of all outcomes.

    Args:
        outcomes: of every attack and batch.
        attacks: name -> attack, in order.
        of: the record's other fields.
    """
    return EvaluationRecord(
        clean=gathered(outcomes, CLEAN, "robust"),
        attacks=tuple(
            AttackRecord(
                name=name,
                settings=attack_settings(attack),
                robust=gathered(outcomes, name, "robust"),
                perturbation_norm=gathered(outcomes, name, "norm"),
            )
            for name, attack in attacks.items()
        ),
        **of,
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


def _clean_outcome(
    classifier: keras.Model, x: np.ndarray, y: np.ndarray, first: int
) -> dict[str, Any]:
    del first
    logits = predict_logits(classifier, x, batch_size=len(x))
    check_logits(logits)
    return {"robust": (logits.argmax(1) == y).tolist()}


def _outcome(
    name: str,
    attack: Attack,
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    first: int,
) -> dict[str, Any]:
    start = time.perf_counter()
    ids = np.arange(first, first + len(x))
    result = attack(classifier, x, y, example_ids=ids, batch_size=len(x))
    seconds = time.perf_counter() - start
    verify_threat_model(name, attack, result, x)
    norms = result.perturbation_norm.astype("float64")
    return {
        "robust": result.robust.tolist(),
        "norm": np.round(norms, 7).tolist(),
        "seconds": round(seconds, 3),
    }


def attack_settings(attack: Attack) -> dict[str, Any]:
    """Return an attack's settings as records have them, none left open."""
    settings = describe(attack)
    settings.setdefault("threat_model", describe(attack.threat_model))
    if isinstance(attack, GradientAttack):
        settings["step_size"] = attack.step_length
    return settings
