"""Objectives averaged over a model's own randomness."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.objectives.base import Objective
from tfrobust.objectives.logits import CrossEntropy
from tfrobust.ops.differentiation import Score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class Expectation(Objective):
    """The mean of an objective over several passes of a random model.

    Its gradient is that of the expectation over transformations; success
    is judged by the mean logits. A deterministic model gets the same value,
    `num_samples` times as dear.

    Args:
        objective: what is averaged; default `CrossEntropy()`.
        num_samples: passes at each point, at least 1; default 20
            (AutoAttack's).

    References:
        Athalye et al., 2018, https://arxiv.org/abs/1707.07397
    """

    objective: Objective = CrossEntropy()
    num_samples: int = 20

    def __post_init__(self) -> None:
        check_type(
            "objective", self.objective, Objective, example="CrossEntropy()"
        )
        check_integer("num_samples", self.num_samples, minimum=1)

    @property
    def targeted(self) -> bool:
        """See base class."""
        return self.objective.targeted

    @property
    def chooses_labels(self) -> bool:
        """See base class."""
        return self.objective.chooses_labels

    @property
    def moves_at_clean(self) -> bool:
        """See base class."""
        return self.objective.moves_at_clean

    def labels(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return self.objective.labels(y, logits)

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return self.objective.success(labels, logits)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        # One wide pass: the copies of an example meet draws of their own.
        inner = self.objective(
            classifier, self._copies(x), self._copies(labels)
        )

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, logits = inner(self._copies(x_adv))
            return self._means(values), self._means(logits)

        return score

    def _copies(self, t: tf.Tensor) -> tf.Tensor:
        return tf.repeat(t, self.num_samples, axis=0)

    def _means(self, t: tf.Tensor) -> tf.Tensor:
        shape = (-1, self.num_samples, *t.shape[1:])
        return tf.reduce_mean(tf.reshape(t, shape), axis=1)
