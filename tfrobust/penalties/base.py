"""What a penalty is: `(y, forward) -> (batch,)`, carrying its weight."""

from __future__ import annotations

import abc
from typing import Any

import keras
import tensorflow as tf

from tfrobust.ops.differentiation import Forward
from tfrobust.ops.sampling import Noise
from tfrobust.serialization import Configurable


class Penalty(Configurable, abc.ABC):
    """A per-example term added to a defense's loss.

    It differentiates the network in the mode of the forward pass it is
    given: in training that is the training mode, so where a network mixes
    examples (batch statistics) the gradient does too.
    """

    weight: float

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What the term is called in logs."""

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        """The layers that hold its state, which a model must save."""
        return ()

    def update_state(
        self,
        y: tf.Tensor,
        forward: Forward,
        noise: Noise,
        total_rows: tf.Tensor | None = None,
    ) -> None:
        """Update the state after a training step; here there is none.

        Args:
            y: labels of the batch, shape (batch,).
            forward: the pass that the penalty was taken at.
            noise: for whatever is random in it.
            total_rows: of the global batch; default: `y` has them all.
        """

    @abc.abstractmethod
    def __call__(self, y: tf.Tensor, forward: Forward) -> tf.Tensor:
        """Return the weighted penalty, shape (batch,), at least float32."""

    def evaluate(self, classifier: Any, x: Any, y: Any) -> tf.Tensor:
        """Return the penalty on its own, in inference mode, shape (batch,)."""
        return self(
            tf.convert_to_tensor(y), Forward(classifier, tf.constant(x))
        )
