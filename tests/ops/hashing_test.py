"""Hashed numbers against SplitMix64 in Python's integers."""

import numpy as np
import tensorflow as tf

from tfrobust.ops.hashing import hashed_uniform

_MASK = (1 << 64) - 1


def _mixed(word):
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & _MASK
    return word ^ (word >> 31)


def _expected(seed, example_id, draw, k):
    key = _mixed((example_id + _mixed(seed)) & _MASK)
    key = _mixed((key + draw) & _MASK)
    word = _mixed((key + (k + 1) * 0x9E3779B97F4A7C15) & _MASK)
    return (word >> 40) * 2.0**-24


def test_it_is_splitmix64():
    draws = hashed_uniform(7, tf.constant([0, 3, 10**12], tf.int64), 41, 5)
    expected = [
        [_expected(7, i, 41, k) for k in range(5)] for i in (0, 3, 10**12)
    ]
    np.testing.assert_array_equal(draws, np.float32(expected))


def test_draws_are_uniform_and_unrelated():
    count = 4000
    ids = tf.range(count, dtype=tf.int64)
    table = np.concatenate(
        [hashed_uniform(s, ids, d, 3) for s in (0, 1) for d in (0, 1)], 1
    )
    assert table.min() >= 0 and table.max() < 1
    # Five standard errors of a mean, and of a correlation.
    assert np.abs(table.mean(0) - 0.5).max() < 5 / np.sqrt(12 * count)
    correlation = np.corrcoef(table.T) - np.eye(12)
    assert np.abs(correlation).max() < 5 / np.sqrt(count)
    neighbours = np.corrcoef(table[:-1, 0], table[1:, 0])[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(count)
