"""Checks of a batch, while tracing and inside the compiled step."""

from __future__ import annotations

import re

import tensorflow as tf

_MARK = "Refused batch: "
_FROM = "values from"


def standardize(
    x: tf.Tensor, y: tf.Tensor, dtype: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return images in `dtype` and labels of shape (batch,), or raise."""
    if not x.dtype.is_floating:
        raise ValueError(
            "Images must be floats in [0, 1]; divide integers of 0-255 by "
            f"255. Received: dtype={x.dtype.name}"
        )
    if not y.dtype.is_integer:
        raise ValueError(
            "Labels must be integers of shape (batch,). "
            f"Received: dtype={y.dtype.name}"
        )
    if y.shape.rank == 0:
        raise ValueError(
            "Data must come in batches; call dataset.batch(size). "
            "Received: labels of shape ()"
        )
    if y.shape.rank == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape.rank != 1:
        raise ValueError(
            "Labels must be integers of shape (batch,), not one-hot rows. "
            f"Received: shape={y.shape}"
        )
    return tf.cast(x, dtype), tf.cast(y, tf.int64)


def checked_batch(
    x: tf.Tensor,
    y: tf.Tensor,
    bounds: tuple[float, float] | None,
    num_classes: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return `x` and `y`; computing them fails if they are out of range.

    Args:
        x: images, shape (batch, ...), floats.
        y: integer labels, shape (batch,).
        bounds: allowed range of images; `None` allows any finite values.
        num_classes: labels lie in [0, num_classes).
    """
    least, most = (x.dtype.min, x.dtype.max) if bounds is None else bounds
    wanted = "be finite"
    if bounds is not None:
        wanted = f"lie in [{least:g}, {most:g}]"
    if bounds == (0.0, 1.0):
        wanted += "; divide pixels of 0-255 by 255"
    checks = [
        _assert_between(x, least, most, f"Images must {wanted}"),
        _assert_between(
            y, 0, num_classes - 1, f"Labels must lie in [0, {num_classes - 1}]"
        ),
    ]
    # In eager mode a check has no operation: it has passed.
    with tf.control_dependencies([c for c in checks if c is not None]):
        return tf.identity(x), tf.identity(y)


def _assert_between(
    t: tf.Tensor, least: float, most: float, message: str
) -> tf.Operation | None:
    low, high = tf.reduce_min(t), tf.reduce_max(t)
    # NaN compares as false, so it fails too.
    inside = (low >= least) & (high <= most)
    text = f"{_MARK}{message}. Received: {_FROM}"
    return tf.debugging.Assert(inside, [text, low, high])


def raise_if_batch_was_refused(error: Exception) -> None:
    """Raise a one-line `ValueError` if `checked_batch` stopped the step."""
    _, marked, message = str(error).partition(_MARK)
    if marked:
        text, _, rest = message.partition(_FROM)
        # TensorFlow writes "[low] [high]" in a graph, lines in eager mode.
        low, high = re.findall(r"[^\s\[\]'\"]+", rest)[:2]
        raise ValueError(f"{text}{_FROM} {low} to {high}") from None
