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


class LogitsObjective(Objective):
    """An objective that looks at the logits at x' alone."""

    @abc.abstractmethod
    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the score of each example, shape (batch,)."""

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            return self.values(labels, logits), logits

        return score
