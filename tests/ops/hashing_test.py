"""Hashed numbers against SplitMix64 in Python's integers."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import hashing
from tfrobust.ops.hashing import hashed_uniform
from tfrobust.ops.hashing import HashedNoise

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


def _halves(seed, example_id, draw, stream, words):
    """Return the lower, then the upper half of each word, as in (0, 1)."""
    key = _mixed((_mixed((example_id + _mixed(seed)) & _MASK) + draw) & _MASK)
    key = _mixed((key + 0xD1B54A32D192ED03 + stream) & _MASK)
    numbers = []
    for k in range(1, words + 1):
        word = _mixed((key + k * 0x9E3779B97F4A7C15) & _MASK)
        numbers += [(word & 0xFFFFFFFF) >> 9, word >> 41]
    return (np.float64(numbers) + 0.5) / 2.0**23


def test_noise_is_halves_of_splitmix64():
    ids = [0, 3, 10**12]
    noise = HashedNoise(7, tf.constant(ids, tf.int64), 41)
    x = tf.zeros((3, 5, 1))
    expected = [_halves(7, i, 41, 1, 3)[:5] for i in ids]
    np.testing.assert_array_equal(noise.uniform(x).numpy()[..., 0], expected)
    halves = np.array([_halves(7, i, 41, 2, 3) for i in ids])
    radius = np.sqrt(-2.0 * np.log(halves[:, :3]))
    angle = 2.0 * np.pi * halves[:, 3:]
    both = [radius * np.cos(angle), radius * np.sin(angle)]
    np.testing.assert_allclose(
        noise.normal(x).numpy()[..., 0],
        np.concatenate(both, 1)[:, :5],
        atol=2e-6,
    )


def test_no_number_is_zero_or_one():
    # 1 would be at infinity in an l1 ball, 0 in a normal's radius.
    halves = [0, 2**32 - 1, 2**31 - 1, 2**31]
    middles = hashing._middles(tf.constant(halves, tf.uint32)).numpy()
    expected = [2.0**-24, 1 - 2.0**-24, 0.5 - 2.0**-24, 0.5 + 2.0**-24]
    np.testing.assert_array_equal(middles, np.float32(expected))
    assert middles.min() > 0 and middles.max() < 1


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_an_example_meets_the_same_hashed_noise_in_any_batch(kind):
    def draw(ids, seed=0, draw=0):
        noise = HashedNoise(seed, tf.constant(ids, tf.int64), draw)
        return getattr(noise, kind)(tf.zeros((len(ids), 3, 2))).numpy()

    np.testing.assert_array_equal(draw([7])[0], draw([3, 7])[1])
    others = draw([3]), draw([7], seed=1), draw([7], draw=1)
    assert all(not np.any(other == draw([7])) for other in others)


def test_normal_noise_is_normal_and_unrelated():
    rows, columns = 4000, 6
    noise = HashedNoise(0, tf.range(rows, dtype=tf.int64))
    z = noise.normal(tf.zeros((rows, columns), tf.float64)).numpy()
    count = z.size
    # Moments of N(0, 1) within five standard errors.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
        error = np.mean(z**power) - moment
        assert abs(error) < 5 * np.sqrt(variance / count)
    for share, quantile in ((0.8413447, 1.0), (0.9986501, 3.0)):
        spread = np.sqrt(share * (1 - share) / count)
        assert abs(np.mean(z < quantile) - share) < 5 * spread
    correlation = np.corrcoef(z.T) - np.eye(columns)
    assert np.abs(correlation).max() < 5 / np.sqrt(rows)
    squares = np.corrcoef(z.T**2) - np.eye(columns)
    assert np.abs(squares).max() < 5 / np.sqrt(rows)
