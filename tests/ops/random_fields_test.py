"""Correlated noise has the covariance it is named for."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import random_fields
from tfrobust.ops import spectral
from tfrobust.ops.sampling import BatchNoise


def _draws(shape, decay_length, count):
    root = random_fields.exponential_filter(shape, decay_length)
    noise = BatchNoise(0, tf.constant(0), offset=0, total=count)
    x = tf.zeros((count, *shape), tf.float64)
    return random_fields.filtered_noise(root, x, noise).numpy()


@pytest.mark.parametrize("decay_length", [0.1, 1.5, 6.0])
def test_covariance_is_the_exponential(decay_length):
    shape, count = (5, 4, 2), 40_000
    flat = _draws(shape, decay_length, count).reshape(count, -1)
    kernel = spectral.exponential_kernel(shape, decay_length)
    expected = spectral.dense_covariance(kernel)
    # An entry's standard error is at most sqrt(2 / count); six of them.
    error = np.abs(flat.T @ flat / count - expected)
    assert error.max() < 6 * np.sqrt(2 / count)


def test_the_filter_is_exact_on_its_torus():
    # Sum of the spectrum = D x variance, whatever was cut off.
    root = random_fields.exponential_filter((8, 6, 1), 5.0)
    assert (root**2).mean() == pytest.approx(1.0, abs=1e-3)


def test_a_decay_too_long_for_any_torus_is_refused():
    with pytest.raises(ValueError, match="too long.*decay_length=100"):
        random_fields.exponential_filter((4, 4, 1), 100.0)
