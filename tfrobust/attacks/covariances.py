"""Covariance functions of noise, as settings of an attack."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.ops import spectral
from tfrobust.ops.random_fields import covariance_field
from tfrobust.ops.sampling import Noise
from tfrobust.ops.semidefinite import check_symmetric
from tfrobust.serialization import Configurable

# The root of a covariance of 4096 numbers takes 134 MB.
_LARGEST = 4096


@keras.saving.register_keras_serializable("tfrobust.attacks")
class StationaryCovariance(Configurable):
    """Any covariance function K of images; equal where all entries are.

    The covariance between channel c at pixel p and d at q is K[c, d](p - q),
    as in `tfrobust.layers.CovarianceFunction`.

    Args:
        kernel: K of shape (2H - 1, 2W - 1, C, C), displacement zero in the
            middle, with K[c, d](s) = K[d, c](-s), positive semidefinite, for
            images of H * W * C <= 4096 numbers. Noise doesn't depend on its
            scale.

    Raises:
        ValueError: for another shape or no covariance.

    Example, the covariance of the data themselves (Roth et al., 2018,
    section 4.3):

    >>> import numpy as np
    >>> from tfrobust.ops import spectral
    >>> x = np.random.default_rng(0).uniform(size=(50, 8, 8, 1))
    >>> kernel = spectral.second_moment(x - x.mean(0)) / len(x)
    >>> StationaryCovariance(kernel).image_shape
    (8, 8, 1)
    """

    def __init__(self, kernel: Any) -> None:
        self.kernel = _checked(np.array(kernel, np.float64))
        self.kernel.setflags(write=False)  # it is part of a cache's key
        self._field = covariance_field(self.kernel / np.abs(self.kernel).max())
        self._digest = hashlib.sha256(self.kernel.tobytes()).hexdigest()[:12]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape (H, W, C) of the images that it is for."""
        rows, columns, channels, _ = self.kernel.shape
        return rows // 2 + 1, columns // 2 + 1, channels

    def sample(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return noise of this covariance, shaped like `x`."""
        if tuple(x.shape[1:]) != self.image_shape:
            raise ValueError(
                f"This covariance is for images of {self.image_shape}. "
                f"Received: shape={tuple(x.shape[1:])}"
            )
        return self._field(x, noise)

    def get_config(self) -> dict[str, Any]:
        """See base class."""
        return {"kernel": self.kernel.tolist()}

    def description(self) -> dict[str, Any]:
        """See base class; a digest stands for the numbers."""
        return {
            "name": type(self).__name__,
            "image_shape": list(self.image_shape),
            "digest": self._digest,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StationaryCovariance) and np.array_equal(
            self.kernel, other.kernel
        )

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.image_shape))
        return f"StationaryCovariance({shape}, {self._digest})"


def _checked(kernel: np.ndarray) -> np.ndarray:
    """Return K if it is a symmetric covariance function of small images."""
    shape = kernel.shape
    odd = kernel.ndim == 4 and all(n % 2 for n in shape[:2])
    if not odd or shape[2] != shape[3] or not shape[2]:
        raise ValueError(
            "`kernel` must have shape (2H - 1, 2W - 1, C, C). "
            f"Received: shape={shape}"
        )
    size = (shape[0] // 2 + 1) * (shape[1] // 2 + 1) * shape[2]
    if size > _LARGEST:
        raise ValueError(
            f"`kernel` must be of images of up to {_LARGEST} numbers. "
            f"Received: shape={shape}, of {size}"
        )
    mirrored = spectral.mirrored(kernel)
    largest = np.abs(kernel).max()
    if not 0.0 < largest < np.inf:
        raise ValueError(
            "`kernel` must be finite and not zero. Received: a largest entry "
            f"of {largest:.3g}"
        )
    # K[c, d](s) = K[d, c](-s).
    check_symmetric("`kernel`", kernel, mirrored)
    return (kernel + mirrored) / 2.0
