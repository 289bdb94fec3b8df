"""Scores of logits: pure functions `(y, logits) -> (batch,)`."""

from __future__ import annotations

import tensorflow as tf

from tfrobust.ops.norms import at_least_float32


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return softmax cross-entropy, shape (batch,), at least float32."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=y, logits=at_least_float32(logits)
    )


def margin(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return max_{i != y} z_i - z_y, shape (batch,): positive when wrong."""
    logits = at_least_float32(logits)
    is_y = tf.one_hot(y, tf.shape(logits)[1], on_value=True, off_value=False)
    others = tf.where(is_y, tf.constant(-float("inf"), logits.dtype), logits)
    return tf.reduce_max(others, axis=1) - tf.gather(logits, y, batch_dims=1)


def kl_divergence(logits: tf.Tensor, other_logits: tf.Tensor) -> tf.Tensor:
    """Return KL(softmax(logits) || softmax(other_logits)), shape (batch,)."""
    log_p = tf.nn.log_softmax(at_least_float32(logits))
    log_q = tf.nn.log_softmax(at_least_float32(other_logits))
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)
