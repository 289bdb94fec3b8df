"""Euclidean projections onto norm balls around zero, per example."""

from __future__ import annotations

import tensorflow as tf

from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import l2_norm
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import scalar


def project_ball(
    delta: tf.Tensor, order: Norm, epsilon: tf.Tensor | float
) -> tf.Tensor:
    """Return the point of the ball nearest to `delta`.

    Args:
        delta: perturbations, shape (batch, ...).
        order: norm of the ball: 1, 2 or "inf".
        epsilon: radius, a scalar or of shape (batch,), in `delta`'s unit.

    Returns:
        Tensor of `delta`'s shape and dtype.
    """
    project = {1: project_l1, 2: project_l2, "inf": project_linf}[order]
    return project(delta, epsilon)


def project_linf(delta: tf.Tensor, epsilon: tf.Tensor | float) -> tf.Tensor:
    """Clip every entry to [-epsilon, epsilon]."""
    radius = per_example(scalar(epsilon, delta.dtype), delta)
    return tf.clip_by_value(delta, -radius, radius)


def project_l2(delta: tf.Tensor, epsilon: tf.Tensor | float) -> tf.Tensor:
    """Shrink each example whose l2 norm exceeds epsilon onto the sphere."""
    radius = scalar(epsilon, delta.dtype)
    size = tf.cast(l2_norm(delta), delta.dtype)
    scale = tf.math.divide_no_nan(radius, size)
    scale = tf.where(size <= radius, tf.ones_like(size), scale)
    return delta * per_example(scale, delta)


def project_l1(delta: tf.Tensor, epsilon: tf.Tensor | float) -> tf.Tensor:
    """Soft-threshold each example onto the l1 ball.

    Sort-based projection onto the simplex of absolute values (Duchi,
    Shalev-Shwartz, Singer and Chandra, ICML 2008, Fig. 1).
    """
    flat = flatten(delta)
    size = tf.abs(flat)
    radius = scalar(epsilon, delta.dtype)
    radius = tf.reshape(radius, (-1, 1))
    descending = tf.sort(size, axis=1, direction="DESCENDING")
    excess = tf.cumsum(descending, axis=1) - radius
    count = tf.range(1, tf.shape(flat)[1] + 1)
    kept = descending * tf.cast(count, delta.dtype) > excess
    last = tf.reduce_sum(tf.cast(kept, tf.int32), axis=1, keepdims=True)
    at_last = tf.gather(excess, tf.maximum(last - 1, 0), batch_dims=1)
    threshold = at_last / tf.cast(tf.maximum(last, 1), delta.dtype)
    # An example inside the ball has a negative threshold: leave it alone.
    shrunk = tf.maximum(size - tf.maximum(threshold, 0.0), 0.0)
    return tf.reshape(tf.sign(flat) * shrunk, tf.shape(delta))
