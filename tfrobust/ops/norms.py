"""Norms over all input axes of one example."""

from __future__ import annotations

from typing import Literal

import tensorflow as tf

Norm = Literal[1, 2, "inf"]
NORMS: tuple[Norm, ...] = (1, 2, "inf")


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """Cast half precision up; leave float32 and float64 as they are.

    Sums over thousands of pixels lose all their digits in bfloat16.
    """
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x


def scalar(value: tf.Tensor | float, dtype: tf.DType) -> tf.Tensor:
    """Return a number or a tensor in `dtype`.

    `tf.cast` alone would take a Python number through float32.
    """
    if tf.is_tensor(value):
        return tf.cast(value, dtype)
    return tf.constant(value, dtype)


def flatten(x: tf.Tensor) -> tf.Tensor:
    """Reshape (batch, ...) to (batch, D)."""
    return tf.reshape(x, (tf.shape(x)[0], -1))


def inner_product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the inner product of each example with its fellow, (batch,)."""
    product = at_least_float32(flatten(a)) * at_least_float32(flatten(b))
    return tf.reduce_sum(product, axis=1)


def l1_norm(x: tf.Tensor) -> tf.Tensor:
    """Return the l1 norm of each example, shape (batch,)."""
    return tf.reduce_sum(tf.abs(at_least_float32(flatten(x))), axis=1)


def squared_l2_norm(x: tf.Tensor) -> tf.Tensor:
    """Return the squared l2 norm of each example, shape (batch,).

    Its gradient is finite at x = 0, where that of the norm is not.
    """
    return tf.reduce_sum(tf.square(at_least_float32(flatten(x))), axis=1)


def l2_norm(x: tf.Tensor) -> tf.Tensor:
    """Return the l2 norm of each example, shape (batch,).

    Where an example is all zero its gradient is zero, a subgradient.
    """
    squared = squared_l2_norm(x)
    zero = squared == 0
    root = tf.sqrt(tf.where(zero, tf.ones_like(squared), squared))
    return tf.where(zero, tf.zeros_like(squared), root)


def linf_norm(x: tf.Tensor) -> tf.Tensor:
    """Return the largest absolute entry of each example, shape (batch,)."""
    return tf.reduce_max(tf.abs(at_least_float32(flatten(x))), axis=1)


def norm(x: tf.Tensor, order: Norm) -> tf.Tensor:
    """Return the `order` norm (1, 2 or "inf") of each example, (batch,)."""
    return {1: l1_norm, 2: l2_norm, "inf": linf_norm}[order](x)


def per_example(values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Reshape (batch,) or a scalar so that it broadcasts against `x`."""
    values = tf.cast(values, x.dtype)
    if values.shape.rank == 0:
        return values
    return tf.reshape(values, (-1,) + (1,) * (x.shape.rank - 1))


def unit(x: tf.Tensor, order: Norm) -> tf.Tensor:
    """Divide each example by its norm; an example of zeros stays zero.

    The largest entry is divided out first: the square of a gradient of
    1e-20, as a confident model has, is zero in float32.
    """
    x = tf.math.divide_no_nan(x, per_example(linf_norm(x), x))
    return tf.math.divide_no_nan(x, per_example(norm(x, order), x))
