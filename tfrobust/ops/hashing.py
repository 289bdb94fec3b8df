"""Many random numbers per example and step, without an operation for each.

`ExampleNoise` calls the generator once an example: fine for a start, dear in
a loop of thousands of queries. Here a counter is hashed instead, all
examples at once (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
"""

from __future__ import annotations

import math

import tensorflow as tf

from tfrobust.ops.sampling import Noise

_GAMMA = 0x9E3779B97F4A7C15
# Keeps noise apart from `hashed_uniform` of the same seed.
_HALVES = 0xD1B54A32D192ED03
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def hashed_uniform(
    seed: tf.Tensor | int, ids: tf.Tensor, draw: tf.Tensor, count: int
) -> tf.Tensor:
    """Return draws from U[0, 1) keyed by (seed, example id, draw).

    Args:
        seed: in [0, 2**32).
        ids: example ids, int64, shape (batch,).
        draw: which draw of the example this is; an integer scalar.
        count: numbers per example and draw.

    Returns:
        float32, shape (batch, count).
    """
    words = _words(_key(seed, ids, draw), count)
    top = tf.bitwise.right_shift(words, _word(40))
    return tf.cast(tf.cast(top, tf.int64), tf.float32) * 2.0**-24


class HashedNoise(Noise):
    """`ExampleNoise` of 23 bits a number, quick for many examples at once.

    Args:
        seed: integer in [0, 2**32).
        ids: example ids, int64, shape (batch,).
        draw: which draw of the example this is; an integer scalar.
    """

    def __init__(
        self, seed: tf.Tensor | int, ids: tf.Tensor, draw: tf.Tensor | int = 0
    ) -> None:
        super().__init__()
        self._key = _key(seed, ids, draw)

    def uniform(self, x: tf.Tensor) -> tf.Tensor:
        """See base class; the middles of 2**23 equal intervals."""
        count = _numbers(x)
        return self._shaped(self._halves((count + 1) // 2)[:, :count], x)

    def normal(self, x: tf.Tensor) -> tf.Tensor:
        """See base class; at most 5.8 (Box and Muller, 1958)."""
        count = _numbers(x)
        pairs = (count + 1) // 2
        numbers = self._halves(pairs)
        radius = tf.sqrt(-2.0 * tf.math.log(numbers[:, :pairs]))
        angle = 2.0 * math.pi * numbers[:, pairs:]
        both = [radius * tf.cos(angle), radius * tf.sin(angle)]
        return self._shaped(tf.concat(both, 1)[:, :count], x)

    def _halves(self, words: tf.Tensor) -> tf.Tensor:
        """Return two numbers in (0, 1) of each word, (batch, 2 words)."""
        self._stream += 1
        key = _mixed(self._key + _word(_HALVES + self._stream))
        halves = tf.bitcast(_words(key, words), tf.uint32)
        return tf.reshape(_middles(halves), (-1, 2 * words))

    def _shaped(self, numbers: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.reshape(numbers, tf.shape(x)), x.dtype)


def _key(
    seed: tf.Tensor | int, ids: tf.Tensor, draw: tf.Tensor | int
) -> tf.Tensor:
    key = _mixed(tf.cast(ids, tf.uint64) + _mixed(tf.cast(seed, tf.uint64)))
    return _mixed(key + tf.cast(draw, tf.uint64))


def _middles(halves: tf.Tensor) -> tf.Tensor:
    """Return numbers in (0, 1) that float32 holds exactly, from 32 bits."""
    tops = tf.bitwise.right_shift(halves, tf.constant(9, tf.uint32))
    numbers = tf.cast(tf.bitcast(tops, tf.int32), tf.float32)
    return numbers * 2.0**-23 + 2.0**-24


def _numbers(x: tf.Tensor) -> tf.Tensor:
    """Return how many numbers an example has."""
    return tf.reduce_prod(tf.shape(x, tf.int64)[1:])


def _words(key: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Return SplitMix64's next words of each key, (batch, count)."""
    steps = 1 + tf.range(tf.cast(count, tf.int64))
    counters = _word(_GAMMA) * tf.cast(steps, tf.uint64)
    return _mixed(key[:, None] + counters[None, :])


def _mixed(word: tf.Tensor) -> tf.Tensor:
    """Return SplitMix64's output function of 64-bit words."""
    shift = tf.bitwise.right_shift
    word = tf.bitwise.bitwise_xor(word, shift(word, _word(30)))
    word *= _word(_FIRST)
    word = tf.bitwise.bitwise_xor(word, shift(word, _word(27)))
    word *= _word(_SECOND)
    return tf.bitwise.bitwise_xor(word, shift(word, _word(31)))


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)
