"""What an attack makes as large as it can.

A score of logits is a pure function `(y, logits) -> (batch,)`. An objective
is a factory on top of it: `objective(classifier, x, y)` returns the closure
`x_adv -> (values, logits)` that an ascent climbs. It may have captured what
it needs of the clean point; the logits tell success without another pass.
"""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf

from tfrobust.ops.differentiation import Score
from tfrobust.serialization import Configurable


class Objective(Configurable, abc.ABC):
    """Factory of scores to maximise.

    An attack asks `labels` once, from the clean logits, and from then on
    hands those labels to the factory and to `success`.
    """

    @property
    def targeted(self) -> bool:
        """Whether `labels` are classes to reach and not to leave."""
        return False

    @property
    def chooses_labels(self) -> bool:
        """Whether `labels` looks at the clean logits."""
        return self.targeted

    @property
    def moves_at_clean(self) -> bool:
        """Whether the gradient at x itself is of any use."""
        return True

    def labels(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the labels the attack works with; here the true ones."""
        del logits
        return y

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Say for each example whether the attack reached its end."""
        return tf.argmax(logits, 1, output_type=labels.dtype) != labels

    @abc.abstractmethod
    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """Return `x_adv -> (values (batch,), logits)` for this batch."""


@tf.custom_gradient
def _widened(logits: tf.Tensor) -> tuple[tf.Tensor, Any]:
    def backward(gradient: tf.Tensor) -> tf.Tensor:
        largest = tf.reduce_max(tf.abs(gradient), axis=1, keepdims=True)
        scale = tf.math.reciprocal_no_nan(largest)
        return tf.cast(gradient * scale, logits.dtype)

    return tf.cast(logits, tf.float32), backward


def with_slope(logits: tf.Tensor) -> tf.Tensor:
    """Return float16 logits as float32, with a slope that doesn't vanish.

    The gradient of the cross-entropy of a sure example is below float16's
    least number. Going back it is scaled, example by example, to a largest
    entry of 1: a factor that no direction of ascent knows of.
    """
    return _widened(logits) if logits.dtype == tf.float16 else logits


class LogitsObjective(Objective):
    """An objective that looks at the logits at x' alone.

    In float16 its gradient is right but for a positive factor of each
    example; see `with_slope`.
    """

    @abc.abstractmethod
    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the score of each example, shape (batch,)."""

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            return self.values(labels, with_slope(logits)), logits

        return score
