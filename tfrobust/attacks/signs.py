"""Signs that gradients of a classifier don't show the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.compilation import compiled
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import value_and_gradient

_PASSES = 5


def change_of_logits(classifier: Any, x: np.ndarray) -> float:
    """Return how much a logit changes from pass to pass, at most.

    The largest difference over five passes, over the spread of the image's
    logits; 0 for a deterministic model, but for rounding.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...).
    """
    logits = [predict_logits(classifier, x) for _ in range(_PASSES)]
    change = np.ptp(np.stack(logits), axis=0).max(1)
    size = np.ptp(logits[0], axis=1)
    return float(np.max(change / np.maximum(size, 1e-12)))


def has_no_gradient(
    classifier: Any, x: np.ndarray, labels: tf.Tensor, objective: Objective
) -> np.ndarray:
    """Say for which images an objective's input gradient is all zero.

    Args:
        classifier, x, labels, objective: see `input_gradients`.

    Returns:
        Booleans, shape (batch,).
    """
    gradients = input_gradients(classifier, x, labels, objective)
    return ~np.any(gradients, axis=tuple(range(1, gradients.ndim)))


def input_gradients(
    classifier: Any,
    x: np.ndarray,
    labels: tf.Tensor,
    objective: Objective,
    *,
    batch_size: int = 250,
) -> np.ndarray:
    """Return an objective's input gradient at each image, of `x`'s shape.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...).
        labels: what `objective.labels` returns.
        objective: what an attack would climb.
        batch_size: images at a time; default 250.
    """
    labels = tf.constant(labels)
    images, rows = (
        tf.TensorSpec((None, *t.shape[1:]), t.dtype)
        for t in (tf.constant(x), labels)
    )

    def build(model: Any) -> Callable:
        def gradient(x: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            return value_and_gradient(objective(model, x, labels), x)[2]

        return gradient

    key = ("input gradient", objective, images, rows)
    gradient = compiled(classifier, key, build, [images, rows])
    found = np.zeros_like(x)
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        found[part] = gradient(tf.constant(x[part]), labels[part])
    return found
