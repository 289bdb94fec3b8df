"""Which class training perturbations are made for."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Logits = Callable[[], tf.Tensor]


def true_labels(y: tf.Tensor, logits: Logits) -> tf.Tensor:
    """Return `y`."""
    del logits
    return y


def predicted_labels(y: tf.Tensor, logits: Logits) -> tf.Tensor:
    """Return the predicted classes, shape (batch,).

    One-step perturbations for the true class tell the network which it is:
    label leaking (Kurakin et al., 2017).
    """
    return tf.argmax(logits(), axis=1, output_type=y.dtype)


LABEL_SOURCES: dict[str, Callable[[tf.Tensor, Logits], tf.Tensor]] = {
    "true": true_labels,
    "predicted": predicted_labels,
}
