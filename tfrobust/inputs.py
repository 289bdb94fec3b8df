"""Checks of images, labels and logits, before anything is computed."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


def check_images(
    x: Any, *, bounds: tuple[float, float] | None = (0.0, 1.0)
) -> np.ndarray:
    """Return `x` as a float array, or raise `ValueError` in one line.

    Args:
        x: images (batch, height, width, channels) or flat (batch, D).
        bounds: allowed range; `None` allows any finite values.

    Returns:
        float32, or float64 if `x` is.

    Raises:
        ValueError: for another rank, an integer type, values that are not
            finite or out of range.
    """
    x = np.asarray(x)
    if x.ndim not in (2, 4):
        raise ValueError(
            "Images must have shape (batch, height, width, channels) or "
            f"(batch, D). Received: shape={x.shape}"
        )
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            "Images must be floats in [0, 1]; divide integers of 0-255 by "
            f"255. Received: dtype={x.dtype}"
        )
    if x.dtype != np.float64:
        x = x.astype(np.float32, copy=False)
    if not x.size:
        raise ValueError(f"Images must not be empty. Received: shape={x.shape}")
    low, high = x.min(), x.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = np.count_nonzero(
            ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
        )
        raise ValueError(
            f"Images must be finite. Received: {bad} of {len(x)} images with "
            "NaN or infinite pixels"
        )
    if bounds is not None and (low < bounds[0] or high > bounds[1]):
        hint = "; divide pixels of 0-255 by 255" if high > 2 else ""
        if low < bounds[0] and not hint:
            hint = "; for another range pass NormBall(bounds=...)"
        raise ValueError(
            f"Images must lie in [{bounds[0]:g}, {bounds[1]:g}]{hint}. "
            f"Received: values from {low:g} to {high:g}"
        )
    return x


def check_labels(
    y: Any, *, num_examples: int, num_classes: int, what: str = "Labels"
) -> np.ndarray:
    """Return `y` as int64 of shape (batch,), or raise `ValueError`.

    Args:
        y: integer labels, shape (batch,) or (batch, 1).
        num_examples: how many there must be.
        num_classes: labels lie in [0, num_classes).
        what: how the message calls them.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"{what} must be integers of shape (batch,), not one-hot rows. "
            f"Received: shape={y.shape}"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"{what} must be integers. Received: dtype={y.dtype}")
    if len(y) != num_examples:
        raise ValueError(
            f"{what} must be as many as images. Received: {len(y)} labels, "
            f"{num_examples} images"
        )
    if len(y) and not (y.min() >= 0 and y.max() < num_classes):
        raise ValueError(
            f"{what} must lie in [0, {num_classes - 1}]. Received: values "
            f"from {y.min()} to {y.max()}"
        )
    return y.astype(np.int64)


def check_one_output(outputs: Any) -> None:
    """Raise `ValueError` where a model returns several tensors, or a dict."""
    if isinstance(outputs, Mapping | Sequence):
        raise ValueError(
            "A classifier must return one tensor, the logits. Received: "
            f"{type(outputs).__name__} of {len(outputs)}"
        )


def check_logits(logits: np.ndarray) -> None:
    """Raise `ValueError` where a classifier's outputs can't be logits.

    Rows that are non-negative and sum to one are probabilities: attacks on
    them see vanishing gradients and look weak. Rows of equal values are not
    counted, for a network with a zero last layer gives those.
    """
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(
            "A classifier must return logits of shape (batch, num_classes) "
            "with at least two classes; tfrobust.as_classifier(model) makes "
            f"one of a model with a single unit. Received: shape={logits.shape}"
        )
    if not np.isfinite(logits).all():
        bad = np.count_nonzero(~np.isfinite(logits).all(axis=1))
        raise ValueError(
            f"Logits must be finite. Received: {bad} of {len(logits)} rows "
            "with NaN or infinite values"
        )
    total = logits.sum(axis=1)
    in_range = (logits.min() >= 0) and (logits.max() <= 1 + 1e-5)
    if in_range and np.abs(total - 1).max() <= 1e-3:
        raise ValueError(
            "The model returns probabilities, and attacks on a softmax see "
            "vanishing gradients; use tfrobust.as_classifier(model). "
            f"Received: rows summing to {total.mean():g}"
        )


def check_classifier(classifier: Any, x: np.ndarray) -> None:
    """Raise `ValueError` where `x` doesn't fit or there are no logits.

    Args:
        classifier: a Keras model, or any callable `(x, training)`, of which
            nothing is known before it is called.
        x: images, shape (batch, ...).
    """
    if not callable(classifier):
        raise ValueError(
            "`classifier` must be a Keras model from images to logits. "
            f"Received: classifier={reprlib.repr(classifier)}"
        )
    if not isinstance(classifier, keras.Model):
        return
    expected = getattr(classifier, "input_shape", None)
    fits = expected is None or (
        len(expected) == x.ndim
        and all(e in (None, d) for e, d in zip(expected, x.shape, strict=True))
    )
    if not fits:
        raise ValueError(
            f"Images must have the model's input shape {expected}. "
            f"Received: shape={x.shape}"
        )
    name = head_activation(classifier)
    if name in ("softmax", "sigmoid"):
        raise ValueError(
            f"The model ends in a {name}, and attacks on one see vanishing "
            "gradients; use tfrobust.as_classifier(model). "
            f"Received: last layer {classifier.layers[-1].name!r}"
        )


def head_activation(model: keras.Model) -> str:
    """Return the name of the activation that a model ends in.

    "linear" where it has none, or where there is no graph to tell.
    """
    last = model.layers[-1] if model.layers else None
    if isinstance(last, keras.Model):
        return head_activation(last)
    if not _is_last(model, last):
        return "linear"
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", keras.activations.linear)
    return getattr(activation, "__name__", type(activation).__name__)


def _is_last(model: keras.Model, layer: Any) -> bool:
    """Say whether a model's output is this layer's."""
    if isinstance(model, keras.Sequential):
        return True
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return False
    return layer.output is outputs[0]
