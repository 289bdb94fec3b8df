"""A covariance of perturbations as a matrix, and as a function.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfrobust.layers.perturbation_covariance import PerturbationCovariance
from tfrobust.ops import spectral
from tfrobust.ops.norms import flatten
from tfrobust.ops.semidefinite import check_semidefinite
from tfrobust.ops.semidefinite import check_symmetric

_LARGEST = 2 << 30


@keras.saving.register_keras_serializable("tfrobust.layers")
class FullCovariance(PerturbationCovariance):
    """Sigma as a (D, D) matrix, for images of up to a few thousand pixels.

    Arguments as in `PerturbationCovariance`; a fixed `value` has shape
    (D, D) in row-major order of pixels and channels.

    Raises:
        ValueError: for images whose matrix would not fit into 2 GiB, a value
            of another shape, or one that isn't a covariance.

    Example:

    >>> sigma = FullCovariance((2,), value=[[2.0, 1.0], [1.0, 2.0]])
    >>> sigma.quadratic_form(tf.constant([[1.0, -1.0]])).numpy()
    array([2.], dtype=float32)
    """

    @property
    def moment_shape(self) -> tuple[int, ...]:
        """See base class."""
        size = int(np.prod(self.image_shape))
        return (size, size)

    def check_shape(self) -> None:
        """See base class."""
        size = self.moment_shape[0]
        needed = 4 * size * size
        if needed > _LARGEST:
            raise ValueError(
                f"A full covariance of {size} pixels takes "
                f"{needed / 2**30:.0f} GiB; use CovarianceFunction. "
                f"Received: image_shape={self.image_shape}"
            )

    def sum_moments(self, xi: tf.Tensor) -> tf.Tensor:
        """See base class."""
        flat = flatten(xi)
        return tf.matmul(flat, flat, transpose_a=True)

    def form(self, moment: tf.Tensor, g: tf.Tensor) -> tf.Tensor:
        """See base class."""
        flat = flatten(g)
        return tf.reduce_sum(tf.matmul(flat, moment) * flat, axis=1)

    def mean_diagonal(self, moment: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return tf.reduce_mean(tf.linalg.diag_part(moment))

    def check_value(self, value: np.ndarray) -> np.ndarray:
        """See base class."""
        self.check_value_shape(value)
        check_symmetric("A fixed covariance", value, value.T)
        check_semidefinite(lambda v: value @ v, value.shape[0])
        return value


@keras.saving.register_keras_serializable("tfrobust.layers")
class CovarianceFunction(PerturbationCovariance):
    """Sigma as a function of the displacement between pixels (eq. 16).

    Arguments as in `PerturbationCovariance`; a fixed `value` is an array K of
    shape (2H - 1, 2W - 1, C, C), displacement zero in the middle, such as
    `tfrobust.ops.spectral.exponential_kernel(image_shape, decay_length)`. It
    takes O(D) memory and O(D log D) time.

    Raises:
        ValueError: for flat inputs, a value of another shape, or one that
            isn't a covariance.

    Example:

    >>> sigma = CovarianceFunction((28, 28, 1))
    >>> tuple(sigma.moment.shape)
    (55, 55, 1, 1)
    """

    @property
    def moment_shape(self) -> tuple[int, ...]:
        """See base class."""
        height, width, channels = self.image_shape
        return (2 * height - 1, 2 * width - 1, channels, channels)

    def check_shape(self) -> None:
        """See base class."""
        if len(self.image_shape) != 3:
            raise ValueError(
                "CovarianceFunction needs images of (height, width, "
                "channels); FullCovariance takes flat inputs. "
                f"Received: image_shape={self.image_shape}"
            )

    def sum_moments(self, xi: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return spectral.second_moment(xi)

    def form(self, moment: tf.Tensor, g: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return spectral.quadratic_form(spectral.kernel_spectrum(moment), g)

    def mean_diagonal(self, moment: tf.Tensor) -> tf.Tensor:
        """See base class."""
        height, width, _ = self.image_shape
        return tf.reduce_mean(
            tf.linalg.diag_part(moment[height - 1, width - 1])
        )

    def check_value(self, value: np.ndarray) -> np.ndarray:
        """See base class."""
        self.check_value_shape(value)
        check_symmetric("A fixed covariance", value, spectral.mirrored(value))
        spectrum = spectral.kernel_spectrum(tf.constant(value, tf.float64))
        shape = (1, *self.image_shape)

        def product(vector: np.ndarray) -> np.ndarray:
            image = tf.constant(vector.reshape(shape), tf.float64)
            return spectral.covariance_product(spectrum, image).numpy().ravel()

        check_semidefinite(product, int(np.prod(shape)))
        return value
