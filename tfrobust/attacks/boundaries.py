"""The boundaries of a classifier that is linearised at a point."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import Norm


def logits_and_jacobian(
    classifier: Any, x: tf.Tensor, classes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return logits (batch, L) and input gradients (batch, k, D) of k."""
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(x)
        logits = tf.cast(classifier(x, training=False), x.dtype)
    rows = [
        flatten(
            tape.gradient(
                logits,
                x,
                output_gradients=tf.one_hot(
                    classes[:, k], logits.shape[1], dtype=x.dtype
                ),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        for k in range(classes.shape[1])
    ]
    return logits, tf.stack(rows, 1)


def nearest_boundary(
    logits: tf.Tensor, jacobian: tf.Tensor, order: Norm
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return normal (batch, D) and gap (batch,) of the first class' nearest.

    A step d crosses the boundary where <normal, d> = gap, if the logits are
    linear. A class that is everywhere as likely has none.

    Args:
        logits: shape (batch, k).
        jacobian: their input gradients, shape (batch, k, D).
        order: norm that distance is measured in, 2 or "inf".
    """
    gaps = logits[:, :1] - logits
    normals = jacobian - jacobian[:, :1]
    if order == 2:
        lengths = tf.sqrt(tf.reduce_sum(tf.square(normals), 2))
    else:
        lengths = tf.reduce_sum(tf.abs(normals), 2)
    distance = tf.math.divide_no_nan(tf.abs(gaps), lengths)
    distance = tf.where(lengths > 0, distance, float("inf"))
    nearest = tf.argmin(distance, 1)
    gap = tf.gather(gaps, nearest, batch_dims=1)
    return tf.gather(normals, nearest, batch_dims=1), gap
