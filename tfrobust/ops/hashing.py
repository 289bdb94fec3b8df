"""Many uniform numbers per example and step, without an operation for each.

`ExampleNoise` calls the generator once an example: fine for a start, dear in
a loop of thousands of queries. Here a counter is hashed instead, all
examples at once (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
"""

from __future__ import annotations

import tensorflow as tf

_GAMMA = 0x9E3779B97F4A7C15
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
    key = _mixed(tf.cast(ids, tf.uint64) + _mixed(tf.cast(seed, tf.uint64)))
    key = _mixed(key + tf.cast(draw, tf.uint64))
    steps = tf.range(1, count + 1, dtype=tf.int64)
    counters = _word(_GAMMA) * tf.cast(steps, tf.uint64)
    words = _mixed(key[:, None] + counters[None, :])
    top = tf.bitwise.right_shift(words, _word(40))
    return tf.cast(tf.cast(top, tf.int64), tf.float32) * 2.0**-24


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
