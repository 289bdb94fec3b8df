"""Gaussian noise whose covariance depends on the displacement alone."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.ops.sampling import Noise
from tfrobust.ops.spectral import dense_covariance
from tfrobust.ops.spectral import exponential_kernel
from tfrobust.ops.spectral import fast_length

# Draws of noise shaped like images (batch, H, W, C) from a source.
Field = Callable[[tf.Tensor, Noise], tf.Tensor]

# Up to so many pixels a product with a root is cheaper than transforms of a
# torus and of its four times as many numbers.
_DENSE = 1024
_NEGLIGIBLE = 1e-3
_ROUNDING = 1e-5


def exponential_field(
    image_shape: Sequence[int],
    decay_length: float,
    channel_correlation: Any = None,
) -> Field:
    """Return a field of covariance rho exp(-||s||_2 / decay_length).

    Args:
        image_shape: (height, width, channels).
        decay_length: zeta in pixels, positive; towards 0 it is white noise.
        channel_correlation: rho, positive semidefinite of shape (C, C) with
            a unit diagonal; default the identity.

    Raises:
        ValueError: for a rho that is none, or more than 1024 pixels among
            which the decay is too long to be embedded in a torus.
    """
    height, width, channels = image_shape
    space = _space(height, width, decay_length)
    if channel_correlation is None:
        return space
    mix = check_correlation(channel_correlation, channels)
    root = _root(mix)

    def field(x: tf.Tensor, noise: Noise) -> tf.Tensor:
        mixing = tf.constant(root, x.dtype)
        return tf.tensordot(space(x, noise), mixing, [[3], [1]])

    return field


def covariance_field(kernel: np.ndarray) -> Field:
    """Return a field of any covariance function K.

    Args:
        kernel: K of shape (2H - 1, 2W - 1, C, C), displacement zero in the
            middle, K[c, d](s) = K[d, c](-s).

    Raises:
        ValueError: for a K that isn't positive semidefinite.
    """
    root = _root(dense_covariance(kernel))

    def field(x: tf.Tensor, noise: Noise) -> tf.Tensor:
        return tf.reshape(_product(root, noise.normal(x)), tf.shape(x))

    return field


def check_correlation(rho: Any, channels: int) -> np.ndarray:
    """Return rho as an array, or raise `ValueError` where it is none."""
    rho = np.asarray(rho, np.float64)
    square = channels > 0 and rho.shape == (channels, channels)
    if (
        not square
        or not np.allclose(rho, rho.T)
        or not np.allclose(np.diag(rho), 1.0)
        or np.linalg.eigvalsh(rho)[0] < -_ROUNDING
    ):
        raise ValueError(
            "`channel_correlation` must be positive semidefinite with a unit "
            f"diagonal, of shape ({channels}, {channels}). Received: "
            f"{rho.tolist()}"
        )
    return rho


def _space(height: int, width: int, decay_length: float) -> Field:
    """Return a field of unit variance whose channels are independent."""
    if height * width > _DENSE:
        root = exponential_filter((height, width), decay_length)
        return lambda x, noise: filtered_noise(root, x, noise)
    kernel = exponential_kernel((height, width, 1), decay_length)
    root = _root(dense_covariance(kernel))

    def field(x: tf.Tensor, noise: Noise) -> tf.Tensor:
        planes = tf.transpose(noise.normal(x), (0, 3, 1, 2))
        planes = tf.reshape(_product(root, planes), tf.shape(planes))
        return tf.transpose(planes, (0, 2, 3, 1))

    return field


def _product(root: np.ndarray, z: tf.Tensor) -> tf.Tensor:
    """Return root z of each row of as many numbers."""
    rows = tf.reshape(z, (-1, len(root)))
    return tf.matmul(rows, tf.constant(root, z.dtype), transpose_b=True)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return R with R R' = covariance, float64."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # singular, or none
        values, vectors = np.linalg.eigh(covariance)
    if values[0] < -_ROUNDING * values[-1]:
        raise ValueError(
            "A covariance must be positive semidefinite. Received: one of "
            f"eigenvalue {values[0]:.3g}, the largest {values[-1]:.3g}"
        )
    # Roots of what is rounding alone would be far larger than it.
    kept = np.where(values > 1e-12 * values[-1], values, 0.0)
    return vectors * np.sqrt(kept)


def exponential_filter(
    image_shape: Sequence[int], decay_length: float
) -> np.ndarray:
    """Return the square root of the spectrum of exp(-||s||_2 / decay_length).

    By circulant embedding (Dietrich and Newsam, 1997): on a torus where an
    image doesn't meet itself the covariance is exact, if the torus is large
    enough for its spectrum not to be negative. It grows until what is cut
    off changes no covariance by more than 1e-3 of the variance.

    Args:
        image_shape: (height, width).
        decay_length: in pixels, positive.

    Returns:
        float64 array of the torus' shape.
    """
    for factor in (2, 4, 8, 16):
        # The furthest pixels, n - 1 apart, are as far the other way round.
        sizes = [fast_length(max(factor * (n - 1), 1)) for n in image_shape]
        axes = [np.minimum(np.arange(n), n - np.arange(n)) for n in sizes]
        distance = np.hypot(axes[0][:, None], axes[1][None, :])
        spectrum = np.fft.fft2(np.exp(-distance / decay_length)).real
        cut_off = -spectrum[spectrum < 0].sum() / spectrum.size
        if cut_off < _NEGLIGIBLE:
            return np.sqrt(np.maximum(spectrum, 0.0))
    raise ValueError(
        "`decay_length` is too long for images of this size. Received: "
        f"decay_length={decay_length}, image_shape={tuple(image_shape)}"
    )


def filtered_noise(root: np.ndarray, x: tf.Tensor, noise: Noise) -> tf.Tensor:
    """Return noise of unit variance shaped like `x`, channels independent.

    Args:
        root: what `exponential_filter` returned.
        x: images, shape (batch, H, W, C).
        noise: source of the white noise that is filtered.
    """
    batch, channels = tf.shape(x)[0], x.shape[3]
    white = noise.normal(tf.zeros((batch, channels, *root.shape), x.dtype))
    half = tf.constant(root[:, : root.shape[1] // 2 + 1], white.dtype)
    spectrum = tf.signal.rfft2d(white)
    spectrum *= tf.cast(half, spectrum.dtype)
    field = tf.signal.irfft2d(spectrum, list(root.shape))
    height, width = x.shape[1:3]
    return tf.transpose(field[:, :, :height, :width], (0, 2, 3, 1))
