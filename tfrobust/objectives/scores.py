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


_TINY = 1e-12


def difference_of_logits_ratio(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return DLR, shape (batch,): the margin over z_(1) - z_(3).

    z_(k) is the k-th largest logit. The ratio has no scale: a softmax that
    saturates takes nothing from it. Needs 3 classes.

    References:
        Croce and Hein, 2020, https://arxiv.org/abs/2003.01690, eq. (6)
    """
    logits = at_least_float32(logits)
    top = tf.math.top_k(logits, 3).values
    return margin(y, logits) / (top[:, 0] - top[:, 2] + _TINY)


def targeted_difference_of_logits_ratio(
    y: tf.Tensor, target: tf.Tensor, logits: tf.Tensor
) -> tf.Tensor:
    """Return (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2), shape (batch,).

    Needs 4 classes.

    References:
        Croce and Hein, 2020, https://arxiv.org/abs/2003.01690, eq. (7)
    """
    logits = at_least_float32(logits)
    top = tf.math.top_k(logits, 4).values
    spread = top[:, 0] - 0.5 * (top[:, 2] + top[:, 3])
    return logit_difference(y, target, logits) / (spread + _TINY)


def logit_difference(
    y: tf.Tensor, target: tf.Tensor, logits: tf.Tensor
) -> tf.Tensor:
    """Return z_t - z_y, shape (batch,)."""
    logits = at_least_float32(logits)
    towards = tf.gather(logits, target, batch_dims=1)
    return towards - tf.gather(logits, y, batch_dims=1)


def kl_divergence(logits: tf.Tensor, other_logits: tf.Tensor) -> tf.Tensor:
    """Return KL(softmax(logits) || softmax(other_logits)), shape (batch,)."""
    log_p = tf.nn.log_softmax(at_least_float32(logits))
    log_q = tf.nn.log_softmax(at_least_float32(other_logits))
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)
