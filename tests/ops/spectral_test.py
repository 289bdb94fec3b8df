"""The FFT forms against double loops and dense matrices."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import spectral

_SHAPE = (4, 5, 2)


def _images(count=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *_SHAPE))


def _kernel():
    """Return a covariance that mixes channels, at different rates of decay."""
    rho = np.array([[1.0, 0.4], [0.4, 1.0]])
    long = spectral.exponential_kernel(_SHAPE, 3.0, rho)
    short = spectral.exponential_kernel(_SHAPE, 0.7)
    return 0.6 * long + 0.4 * short


def _pixels():
    return list(np.ndindex(*_SHAPE))


@pytest.mark.parametrize(
    "minimum, length", [(1, 2), (7, 8), (13, 16), (55, 60), (63, 64)]
)
def test_fast_length_is_even_and_has_small_primes(minimum, length):
    assert spectral.fast_length(minimum) == length


def test_exponential_kernel_is_its_formula():
    rho = np.array([[1.0, -0.5], [-0.5, 1.0]])
    kernel = spectral.exponential_kernel(_SHAPE, 2.0, rho)
    assert kernel.shape == (7, 9, 2, 2)
    # Displacement (-2, 3) stands at (H - 1 - 2, W - 1 + 3).
    expected = rho * np.exp(-np.sqrt(13.0) / 2.0)
    np.testing.assert_allclose(kernel[1, 7], expected)
    np.testing.assert_allclose(kernel[3, 4], rho)


def test_dense_covariance_is_the_double_loop():
    kernel = _kernel()
    dense = spectral.dense_covariance(kernel)
    for i, (a, b, c) in enumerate(_pixels()):
        for j, (d, e, f) in enumerate(_pixels()):
            assert dense[i, j] == kernel[a - d + 3, b - e + 4, c, f]
    np.testing.assert_allclose(dense, dense.T)


def test_quadratic_form_and_its_gradient_are_those_of_the_matrix():
    # Not symmetric in the channels at a displacement: that would hide a
    # transposed spectrum.
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(7, 9, 2, 2))
    kernel += kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    dense = spectral.dense_covariance(kernel)
    x = _images()
    flat = x.reshape(len(x), -1)
    spectrum = spectral.kernel_spectrum(tf.constant(kernel))
    product = spectral.covariance_product(spectrum, tf.constant(x))
    np.testing.assert_allclose(
        product.numpy().reshape(len(x), -1), flat @ dense, atol=1e-12
    )
    point = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(point)
        with tf.GradientTape() as tape:
            tape.watch(point)
            form = spectral.quadratic_form(spectrum, point)
        gradient = tape.gradient(form, point)
    np.testing.assert_allclose(
        form, np.einsum("bi,ij,bj->b", flat, dense, flat), atol=1e-12
    )
    np.testing.assert_allclose(
        gradient.numpy().reshape(len(x), -1), 2 * flat @ dense, atol=1e-12
    )
    second = outer.gradient(gradient, point).numpy().reshape(len(x), -1)
    np.testing.assert_allclose(
        second, np.tile(2 * dense.sum(0), (len(x), 1)), atol=1e-11
    )


def test_second_moment_is_the_sum_over_pairs_divided_by_all_pixels():
    x = _images()
    found = spectral.second_moment(tf.constant(x)).numpy()
    expected = np.zeros((7, 9, 2, 2))
    for a, b, c in _pixels():
        for d, e, f in _pixels():
            pair = (x[:, a, b, c] * x[:, d, e, f]).sum() / 20
            expected[a - d + 3, b - e + 4, c, f] += pair
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_estimate_is_positive_semidefinite():
    moment = spectral.second_moment(tf.constant(_images(1))).numpy()
    eigenvalues = np.linalg.eigvalsh(spectral.dense_covariance(moment))
    assert eigenvalues.min() > -1e-12
