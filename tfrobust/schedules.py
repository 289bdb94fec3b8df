"""Learning-rate schedules."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive


@keras.saving.register_keras_serializable("tfrobust.schedules")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then linear to zero.

    Args:
        learning_rate: of the constant part, positive.
        constant_steps: length of the constant part, in steps.
        total_steps: step at which the rate reaches zero.
    """

    def __init__(
        self, learning_rate: float, *, constant_steps: int, total_steps: int
    ) -> None:
        check_positive("learning_rate", learning_rate)
        check_integer("constant_steps", constant_steps, minimum=0)
        check_integer("total_steps", total_steps, minimum=constant_steps + 1)
        self.learning_rate = learning_rate
        self.constant_steps = constant_steps
        self.total_steps = total_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate of this step."""
        left = self.total_steps - tf.cast(step, tf.float32)
        share = left / (self.total_steps - self.constant_steps)
        return self.learning_rate * tf.clip_by_value(share, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "constant_steps": self.constant_steps,
            "total_steps": self.total_steps,
        }
