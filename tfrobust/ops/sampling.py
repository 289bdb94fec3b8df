"""Reproducible noise: by example in evaluation, by global batch in training.

All kinds of noise offer `uniform(x)` and `normal(x)`: a draw of `x`'s shape
and dtype, a new one at every call. Philox gives the same numbers in eager
mode, in a graph and under XLA.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import norm
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import unit

_ALGORITHM = "philox"
_STREAM = 1 << 48
_DRAW = 1 << 32
Draw = Callable[..., tf.Tensor]


class Noise:
    """Source of standard draws shaped like a given tensor."""

    def __init__(self) -> None:
        self._stream = 0

    def uniform(self, x: tf.Tensor) -> tf.Tensor:
        """Return draws from U(0, 1), of `x`'s shape and dtype."""
        return self._next(tf.random.stateless_uniform, x)

    def normal(self, x: tf.Tensor) -> tf.Tensor:
        """Return draws from N(0, 1), of `x`'s shape and dtype."""
        return self._next(tf.random.stateless_normal, x)

    def _next(self, draw: Draw, x: tf.Tensor) -> tf.Tensor:
        self._stream += 1
        wide = tf.float32 if x.dtype.size < 4 else x.dtype
        return tf.cast(self._draw(draw, x, wide), x.dtype)

    def _draw(self, draw: Draw, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        raise TypeError(f"{type(self).__name__} does not draw.")


class ExampleNoise(Noise):
    """Noise keyed by (seed, example id, draw), whatever batch it is in.

    Args:
        seed: integer in [0, 2**32).
        ids: example ids, int64, shape (batch,).
        draw: which restart, sample, ... this is; an int64 scalar.
    """

    def __init__(
        self,
        seed: tf.Tensor | int,
        ids: tf.Tensor,
        draw: tf.Tensor | int = 0,
    ) -> None:
        super().__init__()
        self._seed = tf.cast(seed, tf.int64)
        self._ids = tf.cast(ids, tf.int64)
        self._draw_id = tf.cast(draw, tf.int64)

    def _draw(self, draw: Draw, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        key = self._seed + _DRAW * self._draw_id + _STREAM * self._stream
        shape = tf.shape(x)[1:]

        def one(example_id: tf.Tensor) -> tf.Tensor:
            seed = tf.stack([key, example_id])
            return draw(shape, seed=seed, dtype=dtype, alg=_ALGORITHM)

        rows = tf.map_fn(one, self._ids, fn_output_signature=dtype)
        return tf.reshape(rows, tf.shape(x))


class BatchNoise(Noise):
    """Noise for the global batch, of which a replica takes its rows.

    One device and many draw the same numbers for the same global batch.

    Args:
        seed: integer in [0, 2**32).
        counter: int64 scalar, another one at every training step.
        offset: first row of this replica in the global batch.
        total: rows of the global batch.
    """

    def __init__(
        self,
        seed: int,
        counter: tf.Tensor,
        *,
        offset: tf.Tensor | int,
        total: tf.Tensor | int,
    ) -> None:
        super().__init__()
        self._seed = seed
        self._counter = tf.cast(counter, tf.int64)
        self._offset = offset
        self._total = total

    def _draw(self, draw: Draw, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        key = tf.constant(self._seed + _STREAM * self._stream, tf.int64)
        shape = tf.concat([[self._total], tf.shape(x)[1:]], 0)
        seed = tf.stack([key, self._counter])
        rows = draw(shape, seed=seed, dtype=dtype, alg=_ALGORITHM)
        return rows[self._offset : self._offset + tf.shape(x)[0]]


def uniform_in_ball(x: tf.Tensor, order: Norm, noise: Noise) -> tf.Tensor:
    """Return points uniform in the unit ball of a norm, shaped like `x`.

    l2: a random direction times u^(1/D). l1: signed exponentials divided by
    their sum and one exponential more (Calafiore, Dabbene and Tempo, 1998).
    """
    if order == "inf":
        return 2.0 * noise.uniform(x) - 1.0
    radius = noise.uniform(flatten(x)[:, :1])[:, 0]
    if order == 2:
        size = tf.cast(tf.shape(flatten(x))[1], x.dtype)
        radius = tf.pow(radius, 1.0 / size)
        return unit(noise.normal(x), 2) * per_example(radius, x)
    exponential = -tf.math.log1p(-noise.uniform(x))
    sign = tf.sign(noise.uniform(x) - 0.5)
    total = tf.cast(norm(exponential, 1), x.dtype) - tf.math.log1p(-radius)
    return sign * exponential / per_example(total, x)
