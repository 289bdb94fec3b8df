"""Noise: its keys, and its distribution in each ball."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import norms
from tfrobust.ops import sampling


def _example_noise(ids, seed=0, draw=0):
    x = tf.zeros((len(ids), 3, 2), tf.float64)
    noise = sampling.ExampleNoise(seed, tf.constant(ids, tf.int64), draw)
    return noise.uniform(x).numpy()


def test_an_example_meets_the_same_noise_in_any_batch():
    alone = _example_noise([7])
    among = _example_noise([3, 7, 5])
    np.testing.assert_array_equal(alone[0], among[1])
    assert not np.array_equal(among[0], among[1])


@pytest.mark.parametrize("other", [{"seed": 1}, {"draw": 1}])
def test_another_seed_or_draw_is_other_noise(other):
    assert not np.array_equal(_example_noise([7]), _example_noise([7], **other))


def test_two_calls_of_one_source_differ():
    noise = sampling.ExampleNoise(0, tf.constant([1], tf.int64))
    x = tf.zeros((1, 4))
    assert not np.array_equal(noise.normal(x), noise.normal(x))


def test_graph_draws_what_eager_draws():
    ids = tf.constant([1, 2], tf.int64)

    def draw(x):
        return sampling.ExampleNoise(3, ids).normal(x)

    x = tf.zeros((2, 5))
    np.testing.assert_array_equal(draw(x), tf.function(draw)(x))


def test_replicas_take_their_rows_of_the_global_batch():
    counter = tf.constant(4, tf.int64)

    def draw(offset, rows):
        noise = sampling.BatchNoise(0, counter, offset=offset, total=5)
        return noise.normal(tf.zeros((rows, 2)))

    parts = tf.concat([draw(0, 3), draw(3, 2)], 0)
    np.testing.assert_array_equal(draw(0, 5), parts)


@pytest.mark.parametrize("order", [1, 2, "inf"])
def test_uniform_in_ball_has_the_radius_of_a_uniform_point(order):
    # P(||u|| <= r) = r^D in a ball of any norm, so ||u||^D is U(0, 1): mean
    # 1/2, variance 1/12. 4,000 draws: standard error 0.0046.
    @tf.function
    def draw():
        noise = sampling.ExampleNoise(0, tf.range(4000, dtype=tf.int64))
        x = tf.zeros((4000, 3), tf.float64)
        return sampling.uniform_in_ball(x, order, noise)

    u = draw()
    quantile = norms.norm(u, order).numpy() ** 3
    assert quantile.max() <= 1 + 1e-12
    assert abs(quantile.mean() - 0.5) < 0.02
    assert abs(quantile.var() - 1 / 12) < 0.01
    # By symmetry every entry has mean 0 and all have one variance.
    np.testing.assert_allclose(u.numpy().mean(0), 0, atol=0.03)
    np.testing.assert_allclose(u.numpy().var(0) / u.numpy().var(), 1, atol=0.1)
