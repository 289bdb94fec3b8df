"""Every model under the points that were made on every other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.transfer import Transfer
from tfrobust.evaluation.suite import check_examples
from tfrobust.evaluation.suite import check_some_attacks
from tfrobust.evaluation.suite import naming
from tfrobust.evaluation.suite import Progress
from tfrobust.evaluation.suite import weights_digest
from tfrobust.inputs import check_images
from tfrobust.inputs import check_logits
from tfrobust.records import TransferRecord
from tfrobust.serialization import describe


def transfer_matrix(
    models: Mapping[str, keras.Model],
    x: Any,
    y: Any,
    attacks: Mapping[str, Attack],
    *,
    batch_size: int = 250,
    data: str = "",
    provenance: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> TransferRecord:
    """Craft on each model with the full budget, look at all of them.

    Every example is attacked on every source, also those it gets wrong; see
    `attacks.Transfer`.

    Args:
        models: name -> a Keras model from images to logits.
        x: images, shape (batch, ...), floats in the attacks' bounds.
        y: integer labels, shape (batch,).
        attacks: name -> attack.
        batch_size: examples attacked at a time; default 250.
        data, provenance: written into the record.
        progress: called with ("attack on source", examples done).

    Returns:
        A record: accuracy of each target at the points of each source.

    Raises:
        ValueError: for inputs that don't fit a model or an attack's bounds,
            or logits that are not finite.
    """
    check_integer("batch_size", batch_size, minimum=1)
    check_some_attacks(attacks)
    for name, model in models.items():
        with naming(f"Model {name!r}"):
            x, y = check_examples(model, x, y)
    for attack in attacks.values():
        check_images(x, bounds=attack.threat_model.bounds)
    # Before any attack: a model without logits on an image is found at once.
    clean = _accuracies(models, x, y, batch_size)
    accuracy: dict[str, tuple[tuple[float, ...], ...]] = {}
    for name, attack in attacks.items():
        rows = []
        for source, model in models.items():
            points = _crafted(
                Transfer(attack, source=model),
                x,
                y,
                batch_size,
                progress,
                f"{name} on {source}",
            )
            rows.append(_accuracies(models, points, y, batch_size))
        accuracy[name] = tuple(rows)
    return TransferRecord(
        models=tuple(models),
        model_digests=tuple(map(weights_digest, models.values())),
        data=data,
        num_examples=len(x),
        clean_accuracy=clean,
        settings={name: describe(a) for name, a in attacks.items()},
        accuracy=accuracy,
        provenance=provenance or {},
    )


def _crafted(
    attack: Transfer,
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
    progress: Progress | None,
    label: str,
) -> np.ndarray:
    """Return points for all examples, whatever a model says of them."""
    points = []
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        ids = tf.range(start, start + len(x[rows]), dtype=tf.int64)
        labels = tf.constant(y[rows], tf.int64)
        points.append(attack.search(None, tf.constant(x[rows]), labels, ids))
        if progress is not None:
            progress(label, len(x[rows]))
    return np.concatenate(points)


def _accuracies(
    models: Mapping[str, keras.Model],
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
) -> tuple[float, ...]:
    accuracies = []
    for name, model in models.items():
        logits = predict_logits(model, x, batch_size=batch_size)
        with naming(f"Model {name!r}"):
            check_logits(logits)
        accuracies.append(float(np.mean(logits.argmax(1) == y)))
    return tuple(accuracies)
