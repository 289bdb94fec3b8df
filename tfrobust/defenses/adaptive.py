"""What an attack that knows a defense climbs."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.penalties.base import Penalty


@keras.saving.register_keras_serializable("tfrobust.defenses")
@dataclasses.dataclass(frozen=True)
class DefenseLoss(Objective):
    """A classification loss plus penalties, all at x'.

    Args:
        loss: an objective; default `CrossEntropy()`.
        penalties: `Penalty` objects, kept as a tuple; their weights count.
    """

    loss: Objective = CrossEntropy()
    penalties: tuple[Penalty, ...] = ()

    def __post_init__(self) -> None:
        # JSON makes a list of it, which is no part of a cache's key.
        object.__setattr__(self, "penalties", tuple(self.penalties))

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        loss = self.loss(classifier, x, labels)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, logits = loss(x_adv)
            forward = Forward(classifier, x_adv)
            for penalty in self.penalties:
                values += penalty(labels, forward)
            return values, logits

        return score
