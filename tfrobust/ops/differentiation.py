"""The only input tape: values, logits and gradients at one point.

Nothing here watches variables, so an outer tape that does sees each
operation once and second derivatives come out exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrobust.ops.norms import at_least_float32

Score = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(batch, ...) inputs -> ((batch,) values, (batch, num_classes) logits)."""


class Forward:
    """One forward pass of a classifier under one input tape.

    The pass runs when something of it is first asked for, so a point that
    nobody looks at costs nothing; loss and penalties at the same point share
    it. In a graph the tape costs nothing unless `gradient` is called.

    Args:
        classifier: maps (batch, ...) inputs to (batch, num_classes) logits.
        x: inputs, shape (batch, ...).
        training: mode of the network; default False.

    Example:

    >>> double = lambda x, training: 2.0 * x
    >>> forward = Forward(double, tf.constant([[1.0, 3.0]]))
    >>> forward.gradient(lambda logits: tf.reduce_sum(logits**2, 1)).numpy()
    array([[ 8., 24.]], dtype=float32)
    """

    def __init__(
        self, classifier: Any, x: tf.Tensor, *, training: bool = False
    ) -> None:
        self.x = x
        self._classifier = classifier
        self._training = training
        self._tape: tf.GradientTape | None = None
        self._logits: tf.Tensor | None = None

    @property
    def logits(self) -> tf.Tensor:
        """Logits, shape (batch, num_classes), at least float32."""
        if self._tape is None:
            self._tape = tf.GradientTape(
                persistent=True, watch_accessed_variables=False
            )
            with self._tape:
                self._tape.watch(self.x)
                logits = self._classifier(self.x, training=self._training)
                self._logits = at_least_float32(logits)
        return self._logits

    def gradient(self, values: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Return the gradient of `values(logits)` with respect to `x`.

        Args:
            values: maps logits to per-example values, shape (batch,).

        Returns:
            Tensor of `x`'s shape: row i is the gradient of value i. Rows
            mix only where the network mixes examples (batch statistics).
        """
        logits = self.logits
        with tf.GradientTape(watch_accessed_variables=False) as head:
            head.watch(logits)
            at_logits = values(logits)
        return self._tape.gradient(  # type: ignore[union-attr]
            logits,
            self.x,
            output_gradients=head.gradient(at_logits, logits),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )


def value_and_gradient(
    score: Score, x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return (values, logits, gradient of values) of `score` at `x`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        values, logits = score(x)
    gradient = tape.gradient(
        values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return values, logits, gradient
