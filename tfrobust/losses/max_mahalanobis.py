"""The Max-Mahalanobis centre loss.

Pang et al., 2020, Rethinking softmax cross-entropy loss for adversarial
robustness, ICLR, https://arxiv.org/abs/1905.10626
"""

from __future__ import annotations

import keras
import tensorflow as tf

from tfrobust.ops.norms import at_least_float32


@keras.saving.register_keras_serializable("tfrobust.losses")
class MaxMahalanobis(keras.losses.Loss):
    """1/2 * ||phi(x) - mu_y||^2, from the logits -||phi(x) - mu_k||^2.

    The authors' code leaves out the 1/2. It is a loss of classifiers that end
    in `tfrobust.layers.MaxMahalanobisHead`; see
    `tfrobust.layers.with_max_mahalanobis_head`.

    Example:

    >>> logits = tf.constant([[-1.0, -4.0]])
    >>> float(MaxMahalanobis()(tf.constant([1]), logits))
    2.0
    """

    def __init__(self, name: str = "max_mahalanobis", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, shape (batch,).

        Args:
            y_true: integer labels, shape (batch,).
            y_pred: logits of the head, shape (batch, num_classes).
        """
        logits = at_least_float32(y_pred)
        labels = tf.cast(tf.reshape(y_true, (-1,)), tf.int32)
        return -0.5 * tf.gather(logits, labels, batch_dims=1)
