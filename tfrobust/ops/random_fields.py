"""Gaussian noise whose covariance depends on the distance of pixels alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrobust.ops.sampling import Noise
from tfrobust.ops.spectral import fast_length

_NEGLIGIBLE = 1e-3


def exponential_filter(
    image_shape: Sequence[int], decay_length: float
) -> np.ndarray:
    """Return the square root of the spectrum of exp(-||s||_2 / decay_length).

    By circulant embedding (Dietrich and Newsam, 1997): on a torus where an
    image doesn't meet itself the covariance is exact, if the torus is large
    enough for its spectrum not to be negative. It grows until what is cut
    off changes no covariance by more than 1e-3 of the variance.

    Args:
        image_shape: (height, width, channels).
        decay_length: in pixels, positive.

    Returns:
        float64 array of the torus' shape.
    """
    height, width, _ = image_shape
    for factor in (2, 4, 8, 16):
        # The furthest pixels, n - 1 apart, are as far the other way round.
        sizes = [fast_length(max(factor * (n - 1), 1)) for n in (height, width)]
        axes = [np.minimum(np.arange(n), n - np.arange(n)) for n in sizes]
        distance = np.hypot(axes[0][:, None], axes[1][None, :])
        spectrum = np.fft.fft2(np.exp(-distance / decay_length)).real
        cut_off = -spectrum[spectrum < 0].sum() / spectrum.size
        if cut_off < _NEGLIGIBLE:
            return np.sqrt(np.maximum(spectrum, 0.0))
    raise ValueError(
        "`decay_length` is too long for images of this size. "
        f"Received: decay_length={decay_length}, image_shape={image_shape}"
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
