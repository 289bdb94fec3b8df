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
    num_candidates: int = 10,
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
        num_candidates: classes that are looked at, those of the highest
            clean logits; default 10, as libraries have it.

    Returns:
        Tensor of `x`'s shape, without gradient.
    """

    clean_logits = classifier(x, training=False)
    count = min(num_candidates, clean_logits.shape[1])
    # The first is the label wherever anything is to be done.
    classes = tf.math.top_k(clean_logits, count).indices

    def body(total: tf.Tensor) -> tuple[tf.Tensor]:
        here = x + (1.0 + overshoot) * total
        logits, jacobian = _logits_and_jacobian(classifier, here, classes)
        predicted = tf.argmax(logits, 1, output_type=labels.dtype)
        standing = predicted == labels
        logits = tf.gather(logits, classes, batch_dims=1)
        step = _nearest_boundary(logits, jacobian)
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
    classifier: Any, x: tf.Tensor, classes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return logits (batch, L) and input gradients (batch, k, D) of k."""
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(x)
        logits = tf.cast(classifier(x, training=False), x.dtype)
    rows = [
        flatten(
            tape.gradient(
                logits,
                x,
                output_gradients=tf.one_hot(
                    classes[:, k], logits.shape[1], dtype=x.dtype
                ),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        for k in range(classes.shape[1])
    ]
    return logits, tf.stack(rows, 1)


def _nearest_boundary(logits: tf.Tensor, jacobian: tf.Tensor) -> tf.Tensor:
    """Return the step to the nearest boundary of the first class, (batch, D).

    The boundaries are those of the linearised logits.
    """
    gaps = logits[:, :1] - logits
    normals = jacobian - jacobian[:, :1]
    squared = tf.reduce_sum(tf.square(normals), 2)
    distance = tf.math.divide_no_nan(tf.abs(gaps), tf.sqrt(squared))
    # The class itself, and any class that is everywhere as likely.
    distance = tf.where(squared > 0, distance, float("inf"))
    nearest = tf.argmin(distance, 1)
    gap = tf.gather(gaps, nearest, batch_dims=1)
    length = tf.gather(squared, nearest, batch_dims=1)
    normal = tf.gather(normals, nearest, batch_dims=1)
    return tf.math.divide_no_nan(gap, length)[:, None] * normal
