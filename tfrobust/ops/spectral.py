"""Stationary covariances of images, by FFT.

The covariance between channel c at pixel p and channel d at q is
K[c, d](p - q), kept as an array of shape (2H - 1, 2W - 1, C, C) whose middle
is displacement zero and in which K[c, d](s) = K[d, c](-s). Products with the
D x D matrix it stands for cost O(D log D).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def fast_length(minimum: int) -> int:
    """Return the least even number >= `minimum` without primes above 5."""
    length = minimum + minimum % 2
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 2


def _lengths(height: int, width: int) -> list[int]:
    """Return sizes of a torus on which an image doesn't meet itself."""
    return [fast_length(2 * height - 1), fast_length(2 * width - 1)]


def _spectrum(x: tf.Tensor) -> tf.Tensor:
    """Return the zero-padded transform of (batch, H, W, C), channels first."""
    lengths = _lengths(*x.shape[1:3])
    return tf.signal.rfft2d(tf.transpose(x, (0, 3, 1, 2)), lengths)


def mirrored(kernel: np.ndarray) -> np.ndarray:
    """Return K[d, c](-s), which a covariance's K[c, d](s) equals."""
    return kernel[::-1, ::-1].transpose(0, 1, 3, 2)


def kernel_spectrum(kernel: tf.Tensor) -> tf.Tensor:
    """Return the transform of K, shape (C, C, frequencies)."""
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    lengths = _lengths(rows + 1, columns + 1)
    extra = [lengths[i] - kernel.shape[i] for i in (0, 1)]
    wrapped = tf.pad(kernel, [[0, extra[0]], [0, extra[1]], [0, 0], [0, 0]])
    wrapped = tf.roll(wrapped, (-rows, -columns), (0, 1))
    return tf.signal.rfft2d(tf.transpose(wrapped, (2, 3, 0, 1)))


def covariance_product(spectrum: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return Sigma x of each image, from `kernel_spectrum(K)`.

    Args:
        spectrum: shape (C, C, frequencies).
        x: images, shape (batch, H, W, C), float32 or float64.
    """
    height, width, channels = x.shape[1:]
    transformed = _spectrum(x)
    # A sum of few products is many times faster than a complex einsum.
    mixed = [
        sum(spectrum[c, d] * transformed[:, d] for d in range(channels))
        for c in range(channels)
    ]
    back = tf.signal.irfft2d(tf.stack(mixed, 1), _lengths(height, width))
    return tf.transpose(back[:, :, :height, :width], (0, 2, 3, 1))


def quadratic_form(spectrum: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return x' Sigma x of each image, shape (batch,).

    Its gradient 2 Sigma x takes no transform beyond the forward ones.
    """

    @tf.custom_gradient
    def form(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        product = covariance_product(spectrum, x)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return 2.0 * upstream[:, None, None, None] * product

        return tf.reduce_sum(x * product, (1, 2, 3)), gradient

    return form(x)


def second_moment(x: tf.Tensor) -> tf.Tensor:
    """Return the sum over images of K's estimate, (2H - 1, 2W - 1, C, C).

    Each displacement's sum of products is divided by H * W, whatever the
    number of pairs: what comes out is positive semidefinite, which division
    by pair counts is not.
    """
    height, width, channels = x.shape[1:]
    z = _spectrum(x)
    power = [
        [
            tf.reduce_sum(z[:, c] * tf.math.conj(z[:, d]), 0)
            for d in range(channels)
        ]
        for c in range(channels)
    ]
    correlation = tf.signal.irfft2d(
        tf.stack([tf.stack(row) for row in power]), _lengths(height, width)
    )
    rolled = tf.roll(correlation, (height - 1, width - 1), (2, 3))
    kept = rolled[:, :, : 2 * height - 1, : 2 * width - 1]
    return tf.transpose(kept, (2, 3, 0, 1)) / (height * width)


def exponential_kernel(
    image_shape: Sequence[int],
    decay_length: float,
    channel_correlation: Any = None,
) -> np.ndarray:
    """Return K(s) = rho * exp(-||s||_2 / decay_length), unit variance.

    Args:
        image_shape: (height, width, channels).
        decay_length: zeta in pixels, positive; towards 0 the covariance
            becomes the identity if `channel_correlation` is.
        channel_correlation: rho, positive semidefinite of shape (C, C) with
            a unit diagonal; default the identity.

    Returns:
        float64 array of shape (2H - 1, 2W - 1, C, C).
    """
    height, width, channels = image_shape
    rows = np.arange(1 - height, height)[:, None]
    columns = np.arange(1 - width, width)[None, :]
    decay = np.exp(-np.hypot(rows, columns) / decay_length)
    rho = (
        np.eye(channels) if channel_correlation is None else channel_correlation
    )
    return decay[:, :, None, None] * np.asarray(rho, np.float64)


def dense_covariance(kernel: np.ndarray) -> np.ndarray:
    """Return the D x D matrix that K stands for, in row-major order."""
    height, width = kernel.shape[0] // 2 + 1, kernel.shape[1] // 2 + 1
    channels = kernel.shape[2]
    rows = np.arange(height)[:, None] - np.arange(height) + height - 1
    columns = np.arange(width)[:, None] - np.arange(width) + width - 1
    blocks = kernel[rows[:, None, :, None], columns[None, :, None, :]]
    size = height * width * channels
    return blocks.transpose(0, 1, 4, 2, 3, 5).reshape(size, size)
