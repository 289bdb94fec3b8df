"""What one training step passes around, and how it averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import at_least_float32
from tfrobust.penalties.base import Penalty

Terms = dict[str, tf.Tensor]


class Batch(NamedTuple):
    """What the loss is taken on; `total_rows` are the global batch's."""

    x: tf.Tensor
    y: tf.Tensor
    x_adv: tf.Tensor
    sample_weight: tf.Tensor | None
    total_rows: tf.Tensor


class Step(NamedTuple):
    """A loss and its gradient.

    `sums` are this replica's, by term; `share` is its share of the global
    mean and `loss` that with regularisers.
    """

    forward: Forward
    logits: tf.Tensor
    sums: Terms
    share: tf.Tensor
    loss: tf.Tensor
    gradients: list[tf.Tensor]


def trackers(
    loss_terms: Sequence[str], penalties: Sequence[Penalty]
) -> dict[str, keras.metrics.Metric]:
    """Return a mean for each term of the loss where it has more than one."""
    names = [*loss_terms, *(penalty.name for penalty in penalties)]
    if len(set(names)) < len(names):
        raise ValueError(
            "`penalties` must differ in kind, or their logs hide each other. "
            f"Received: penalties={list(penalties)!r}"
        )
    if len(names) == 1:
        return {}
    return {name: keras.metrics.Mean(name=name) for name in names}


def weighted_sums(terms: Terms, sample_weight: tf.Tensor | None) -> Terms:
    """Return the sum over this replica's examples of each term."""
    sums = {}
    for name, values in terms.items():
        values = at_least_float32(values)
        if sample_weight is not None:
            weight = tf.reshape(tf.cast(sample_weight, values.dtype), (-1,))
            values = values * weight
        sums[name] = keras.ops.sum(values)
    return sums


def with_regularizers(
    loss: tf.Tensor, regularizers: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Add the layers' own losses, once in all whatever the replicas."""
    if not regularizers:
        return loss
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    own = [tf.cast(r, loss.dtype) / replicas for r in regularizers]
    return keras.ops.sum([loss, *own])
