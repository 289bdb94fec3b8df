"""DeepFool's steps to the nearest linearised boundary.

Moosavi-Dezfooli, Fawzi and Frossard, 2016, https://arxiv.org/abs/1511.04599
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import per_example


def minimal_perturbation(
    classifier: Any,
    x: tf.Tensor,
    labels: tf.Tensor,
    *,
    num_steps: int,
    overshoot: float = 0.02,
) -> tf.Tensor:
    """Return l2 perturbations towards the nearest class, without a box.

    An example stops moving when another class than `labels` is predicted; a
    misclassified one has no perturbation.

    Args:
        classifier: maps (x, training) to logits; run in inference mode.
        x: inputs, shape (batch, ...).
        labels: classes to leave, shape (batch,).
        num_steps: linearisations at most.
        overshoot: the sum of steps is lengthened by so much; default 0.02.

    Returns:
        Tensor of `x`'s shape, without gradient.
    """

    def body(total: tf.Tensor) -> tuple[tf.Tensor]:
        here = x + (1.0 + overshoot) * total
        logits, jacobian = _logits_and_jacobian(classifier, here)
        standing = tf.argmax(logits, 1, output_type=labels.dtype) == labels
        step = _nearest_boundary(logits, jacobian, labels)
        step = tf.reshape(step, tf.shape(x))
        return (total + step * per_example(standing, x),)

    (total,) = tf.while_loop(
        lambda _: True,
        body,
        (tf.zeros_like(x),),
        maximum_iterations=num_steps,
    )
    return tf.stop_gradient((1.0 + overshoot) * total)


def _logits_and_jacobian(
    classifier: Any, x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return logits (batch, L) and their input gradients (batch, L, D)."""
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(x)
        logits = tf.cast(classifier(x, training=False), x.dtype)
    classes = logits.shape[1]
    rows = [
        flatten(
            tape.gradient(
                logits,
                x,
                output_gradients=tf.one_hot(
                    tf.fill(tf.shape(x)[:1], c), classes, dtype=x.dtype
                ),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        for c in range(classes)
    ]
    return logits, tf.stack(rows, 1)


def _nearest_boundary(
    logits: tf.Tensor, jacobian: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """Return the step to the nearest linearised boundary, (batch, D)."""
    own = tf.gather(logits, labels, batch_dims=1)[:, None]
    gaps = own - logits
    normals = jacobian - tf.gather(jacobian, labels, batch_dims=1)[:, None]
    squared = tf.reduce_sum(tf.square(normals), 2)
    distance = tf.math.divide_no_nan(tf.abs(gaps), tf.sqrt(squared))
    # The class itself, and any class that is everywhere as likely.
    distance = tf.where(squared > 0, distance, float("inf"))
    nearest = tf.argmin(distance, 1)
    gap = tf.gather(gaps, nearest, batch_dims=1)
    length = tf.gather(squared, nearest, batch_dims=1)
    normal = tf.gather(normals, nearest, batch_dims=1)
    return tf.math.divide_no_nan(gap, length)[:, None] * normal
