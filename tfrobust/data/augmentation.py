"""Random shifts and flips, a function of a seed: same seed, same images."""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust.data")
@dataclasses.dataclass(frozen=True)
class PadAndCrop(Configurable):
    """Pad every side, then crop to the original size at a random place.

    Args:
        padding: pixels, at least 1; default 4.
        value: padded with, in input units; default 0. SGR pads with
            mid-range: 0.5.
    """

    padding: int = 4
    value: float = 0.0

    def __post_init__(self) -> None:
        check_integer("padding", self.padding, minimum=1)
        check_non_negative("value", self.value)

    def __call__(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return shifted images; `x` (batch, h, w, c), `seed` int (2,)."""
        p = self.padding
        height, width = x.shape[1], x.shape[2]
        padded = tf.pad(
            x, [[0, 0], [p, p], [p, p], [0, 0]], constant_values=self.value
        )
        offsets = tf.random.stateless_uniform(
            (tf.shape(x)[0], 2),
            seed,
            minval=0,
            maxval=2 * p + 1,
            dtype=tf.int32,
            alg="philox",
        )
        rows = offsets[:, :1] + tf.range(height)
        columns = offsets[:, 1:] + tf.range(width)
        cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
        cropped = tf.gather(
            tf.transpose(cropped, (0, 2, 1, 3)), columns, axis=1, batch_dims=1
        )
        return tf.transpose(cropped, (0, 2, 1, 3))


@keras.saving.register_keras_serializable("tfrobust.data")
@dataclasses.dataclass(frozen=True)
class Flip(Configurable):
    """Mirror each image left to right with probability one half."""

    def __call__(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return flipped images; `x` (batch, h, w, c), `seed` int (2,)."""
        # Another stream than a crop's with the same seed.
        seed = seed + tf.constant([1 << 32, 0], seed.dtype)
        draws = tf.random.stateless_uniform(
            (tf.shape(x)[0], 1, 1, 1), seed, alg="philox"
        )
        return tf.where(draws < 0.5, tf.reverse(x, [2]), x)


Augmentation = PadAndCrop | Flip
