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
LogitsScore = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(y, logits) -> (batch,) values."""


class Forward:
    """One forward pass of a classifier under one input tape.

    The pass runs when something of it is first asked for, so a point that
    nobody looks at costs nothing; loss and penalties at the same point share
    it, and a gradient that two of them want is computed once. In a graph the
    tape costs nothing unless `gradient` is called.

    Args:
        classifier: maps (batch, ...) inputs to (batch, num_classes) logits.
        x: inputs, shape (batch, ...).
        training: mode of the network; default False.

    Attributes:
        classifier, x, training: as given.

    Example:

    >>> double = lambda x, training: 2.0 * x
    >>> forward = Forward(double, tf.constant([[1.0, 3.0]]))
    >>> square = lambda y, logits: tf.reduce_sum((logits - y) ** 2, 1)
    >>> forward.gradient(square, tf.constant(0.0)).numpy()
    array([[ 8., 24.]], dtype=float32)
    """

    def __init__(
        self, classifier: Any, x: tf.Tensor, *, training: bool = False
    ) -> None:
        self.classifier = classifier
        self.x = x
        self.training = training
        self._tape: tf.GradientTape | None = None
        self._gradients: dict[Any, tf.Tensor] = {}

    @property
    def logits(self) -> tf.Tensor:
        """Logits, shape (batch, num_classes), at least float32."""
        if self._tape is None:
            self._tape = tf.GradientTape(
                persistent=True, watch_accessed_variables=False
            )
            with self._tape:
                self._tape.watch(self.x)
                self._run()
        return self._logits

    def _run(self) -> None:
        logits = self.classifier(self.x, training=self.training)
        self._logits = at_least_float32(logits)

    def gradient(self, values: LogitsScore, y: tf.Tensor) -> tf.Tensor:
        """Return the gradient of `values(y, logits)` with respect to `x`.

        Args:
            values: maps labels and logits to values of shape (batch,).
            y: labels, shape (batch,).

        Returns:
            Tensor of `x`'s shape: row i is the gradient of value i. Rows
            mix only where the network mixes examples (batch statistics).
        """
        y = tf.convert_to_tensor(y)
        key = values, y.ref()
        if key not in self._gradients:
            logits = self.logits
            with tf.GradientTape(watch_accessed_variables=False) as head:
                head.watch(logits)
                at_logits = values(y, logits)
            self._gradients[key] = self._tape.gradient(  # type: ignore
                logits,
                self.x,
                output_gradients=head.gradient(at_logits, logits),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        return self._gradients[key]


class FeatureForward(Forward):
    """A forward pass that keeps the features too.

    Args:
        classifier: maps inputs to (features, logits); see
            `tfrobust.classifier.with_features`. The rest as in `Forward`.
    """

    @property
    def features(self) -> tf.Tensor:
        """What the head reads, shape (batch, width), at least float32."""
        _ = self.logits
        return self._features

    def _run(self) -> None:
        features, logits = self.classifier(self.x, training=self.training)
        self._features = at_least_float32(features)
        self._logits = at_least_float32(logits)


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
