"""Correlated noise has the covariance it is named for."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import random_fields
from tfrobust.ops import spectral
from tfrobust.ops.sampling import BatchNoise

_RHO = [[1.0, 0.6], [0.6, 1.0]]


def _standard_errors(field, kernel, shape=(5, 4, 2), count=10_000):
    """Return how far draws' covariance is from the matrix K stands for."""
    noise = BatchNoise(0, tf.constant(0), offset=0, total=count)
    draws = field(tf.zeros((count, *shape), tf.float64), noise).numpy()
    flat = draws.reshape(count, -1)
    error = np.abs(flat.T @ flat / count - spectral.dense_covariance(kernel))
    # An entry's standard error is at most sqrt(2 / count).
    return error.max() / np.sqrt(2 / count)


@pytest.mark.parametrize("pixels", [0, 1024])
@pytest.mark.parametrize("rho", [None, _RHO])
@pytest.mark.parametrize("decay_length", [0.1, 1.5, 6.0])
def test_covariance_is_the_exponential(monkeypatch, decay_length, rho, pixels):
    # By transforms of a torus, and by a root.
    monkeypatch.setattr(random_fields, "_DENSE", pixels)
    shape = (5, 4, 2)
    field = random_fields.exponential_field(shape, decay_length, rho)
    kernel = spectral.exponential_kernel(shape, decay_length, rho)
    assert _standard_errors(field, kernel) < 6


class _Unit:
    """Draws the rows of the identity: a field's root comes out."""

    def normal(self, x):
        size = int(np.prod(x.shape[1:]))
        return tf.reshape(tf.eye(size, dtype=x.dtype), (size, *x.shape[1:]))


@pytest.mark.parametrize("rho", [None, _RHO])
def test_a_root_is_exact(rho):
    shape = (5, 4, 2)
    kernel = spectral.exponential_kernel(shape, 1.5, rho)
    for field in (
        random_fields.exponential_field(shape, 1.5, rho),
        random_fields.covariance_field(kernel),
    ):
        root = field(tf.zeros((40, *shape), tf.float64), _Unit()).numpy()
        flat = root.reshape(40, 40)
        expected = spectral.dense_covariance(kernel)
        np.testing.assert_allclose(flat.T @ flat, expected, atol=1e-12)


def test_covariance_is_the_one_given():
    # Of few images, so the matrix is singular.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 5, 4, 2))
    kernel = spectral.second_moment(x).numpy()
    kernel /= np.diag(spectral.dense_covariance(kernel)).max()
    assert _standard_errors(random_fields.covariance_field(kernel), kernel) < 6
    same = spectral.exponential_kernel((5, 4, 2), 2.0, np.ones((2, 2)))
    assert _standard_errors(random_fields.covariance_field(same), same) < 6


def test_channels_of_correlation_one_are_the_same():
    field = random_fields.exponential_field((5, 4, 2), 2.0, np.ones((2, 2)))
    noise = BatchNoise(0, tf.constant(0), offset=0, total=3)
    draws = field(tf.zeros((3, 5, 4, 2)), noise).numpy()
    np.testing.assert_allclose(draws[..., 0], draws[..., 1], atol=1e-6)


def test_large_images_are_drawn_by_transforms(monkeypatch):
    def refuse(_):
        raise AssertionError("A root of a large image was asked for.")

    monkeypatch.setattr(random_fields, "_root", refuse)
    field = random_fields.exponential_field((40, 40, 1), 3.0)
    noise = BatchNoise(0, tf.constant(0), offset=0, total=500)
    draws = field(tf.zeros((500, 40, 40, 1), tf.float64), noise).numpy()
    alike = np.mean(draws[:, :, 2:] * draws[:, :, :-2])
    # Neighbours two pixels off; 500 images, some 100 unrelated places each.
    assert alike == pytest.approx(np.exp(-2 / 3), abs=0.02)


def test_the_filter_is_exact_on_its_torus():
    # Sum of the spectrum = D x variance, whatever was cut off.
    root = random_fields.exponential_filter((8, 6), 5.0)
    assert (root**2).mean() == pytest.approx(1.0, abs=1e-3)


def test_a_decay_too_long_for_any_torus_is_refused():
    with pytest.raises(ValueError, match="too long.*decay_length=100"):
        random_fields.exponential_filter((4, 4), 100.0)


def test_what_is_no_covariance_is_refused():
    kernel = spectral.exponential_kernel((3, 3, 1), 1.0)
    kernel[2, 3] = kernel[2, 1] = -0.9
    with pytest.raises(ValueError, match="positive semidefinite.*eigenvalue -"):
        random_fields.covariance_field(kernel)


@pytest.mark.parametrize(
    "rho",
    [
        np.eye(3),
        [[1.0, 0.2], [0.3, 1.0]],
        [[1.0, 2.0], [2.0, 1.0]],
        [[0.5, 0.0], [0.0, 1.0]],
        [[1.0, np.nan], [np.nan, 1.0]],
    ],
)
def test_what_is_no_correlation_is_refused(rho):
    with pytest.raises(ValueError, match="`channel_correlation` must"):
        random_fields.exponential_field((4, 4, 2), 1.0, rho)
