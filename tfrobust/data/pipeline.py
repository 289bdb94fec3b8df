"""tf.data pipelines whose order is a function of (seed, epoch)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.data.augmentation import Augmentation
from tfrobust.data.images import Split


def epoch_order(num_examples: int, *, seed: int, epoch: int) -> np.ndarray:
    """Return the order of the training examples in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(num_examples)


def steps_per_epoch(
    num_examples: int, batch_size: int, *, drop_remainder: bool = False
) -> int:
    """Return how many batches an epoch has."""
    whole = num_examples // batch_size
    return whole if drop_remainder else math.ceil(num_examples / batch_size)


def train_batches(
    split: Split,
    batch_size: int,
    *,
    seed: int,
    augmentation: Sequence[Augmentation] = (),
    first_epoch: int = 0,
    first_step: int = 0,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Return endless training batches, epoch after epoch.

    Order and augmentation depend on (seed, epoch, step) alone, so a run that
    begins at `first_epoch` and `first_step` sees what an uninterrupted one
    would. Use it with `fit(steps_per_epoch=...)`.

    Args:
        split: images and labels.
        batch_size: at most the number of examples.
        seed: of order and augmentation.
        augmentation: applied in turn, to float images; default none.
        first_epoch: where to begin; default 0.
        first_step: how many batches of that epoch to leave out; default 0.
        drop_remainder: leave out an epoch's incomplete last batch.

    Returns:
        Dataset of (images in [0, 1] float32, labels int64).

    Raises:
        ValueError: for a batch larger than the data.
    """
    check_integer("batch_size", batch_size, minimum=1)
    check_integer("first_step", first_step, minimum=0)
    if batch_size > len(split):
        raise ValueError(
            f"`batch_size` must be at most the {len(split)} training "
            f"examples. Received: batch_size={batch_size}"
        )
    x, y = tf.constant(split.x), tf.constant(split.y)

    def order(epoch: np.int64) -> np.ndarray:
        return epoch_order(len(split), seed=seed, epoch=int(epoch))

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = tf.numpy_function(order, [epoch], tf.int64)
        rows = tf.ensure_shape(rows, (len(split),))
        batches = tf.data.Dataset.from_tensor_slices(rows)
        batches = batches.batch(batch_size, drop_remainder=drop_remainder)
        taken = tf.where(epoch == first_epoch, first_step, 0)
        batches = batches.enumerate().skip(tf.cast(taken, tf.int64))
        return batches.map(lambda step, rows: (epoch, step, rows))

    def load(
        epoch: tf.Tensor, step: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(x, rows)
        if images.dtype == tf.uint8:
            images = tf.cast(images, tf.float32) / 255.0
        for augment in augmentation:
            images = augment(images, tf.stack([seed + epoch * 65536, step]))
        return images, tf.gather(y, rows)

    epochs = tf.data.Dataset.counter(start=first_epoch)
    return (
        epochs.flat_map(one_epoch)
        .map(load, num_parallel_calls=2)
        .prefetch(tf.data.AUTOTUNE)
    )
