"""Objectives that move towards a class, and how the class is chosen."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.objectives.base import Objective
from tfrobust.objectives.logits import CrossEntropy
from tfrobust.objectives.logits import Margin
from tfrobust.objectives.scores import logit_difference
from tfrobust.objectives.scores import targeted_difference_of_logits_ratio
from tfrobust.ops.differentiation import Score
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class LeastLikely(Configurable):
    """Target the class of the lowest clean logit (Kurakin et al., 2017).

    Where that is the true class itself, the one above it.
    """

    def __call__(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return target labels, shape (batch,)."""
        lowest = tf.math.top_k(-logits, 2).indices
        lowest = tf.cast(lowest, y.dtype)
        return tf.where(lowest[:, 0] == y, lowest[:, 1], lowest[:, 0])


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class NextLikely(Configurable):
    """Target the class of the `rank`-th highest clean logit but the true one.

    Args:
        rank: 1 (default) for the strongest rival, 2 for the next, ...; more
            than there are rivals gives the weakest.
    """

    rank: int = 1

    def __post_init__(self) -> None:
        check_integer("rank", self.rank, minimum=1)

    def __call__(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return target labels, shape (batch,)."""
        num_classes = logits.shape[1]
        is_y = tf.one_hot(y, num_classes, on_value=True, off_value=False)
        others = tf.where(is_y, -float("inf"), tf.cast(logits, tf.float32))
        rank = min(self.rank, num_classes - 1)
        return tf.cast(tf.math.top_k(others, rank).indices[:, -1], y.dtype)


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class Targeted(Objective):
    """Climb minus an objective of the target class: move towards it.

    Args:
        objective: the score, of the target label; default `CrossEntropy()`.
        targets: `LeastLikely()` (default), `NextLikely(rank)`, or anything
            `(y, clean logits) -> target labels`.
    """

    objective: Objective = CrossEntropy()
    targets: Any = LeastLikely()

    @property
    def targeted(self) -> bool:
        """See base class."""
        return True

    def labels(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the target classes, shape (batch,)."""
        return self.targets(y, logits)

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Say for each example whether its target is predicted."""
        return tf.argmax(logits, 1, output_type=labels.dtype) == labels

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        inner = self.objective(classifier, x, labels)

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, logits = inner(x_adv)
            return -values, logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class TowardsRival(Objective):
    """Leave the true class in the direction of one rival.

    Climbs the targeted ratio of logits, below four classes z_t - z_y. Any
    class but the true one is a success. Labels are pairs (y, target).

    Args:
        targets: `NextLikely(rank)` (default rank 1), or anything
            `(y, clean logits) -> target labels`.

    References:
        Croce and Hein, 2020, https://arxiv.org/abs/2003.01690, eq. (7)
    """

    targets: Any = NextLikely()

    @property
    def chooses_labels(self) -> bool:
        """See base class."""
        return True

    def labels(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return (y, target) of each example, shape (batch, 2)."""
        return tf.stack([y, self.targets(y, logits)], axis=1)

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return super().success(labels[:, 0], logits)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        y, target = labels[:, 0], labels[:, 1]

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            enough = logits.shape[1] >= 4
            ratio = (
                targeted_difference_of_logits_ratio
                if enough
                else logit_difference
            )
            return ratio(y, target, logits), logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class Candidates(Margin):
    """The margin; labels are the true class and its strongest rivals.

    Args:
        count: classes in all, the true one among them; at least 2.
    """

    _: dataclasses.KW_ONLY
    count: int = 10

    @property
    def chooses_labels(self) -> bool:
        """See base class."""
        return True

    def labels(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the true class, then rivals by clean logit, (batch, k)."""
        num_classes = logits.shape[1]
        is_y = tf.one_hot(y, num_classes, on_value=True, off_value=False)
        infinity = tf.constant(float("inf"), tf.float32)
        first = tf.where(is_y, infinity, tf.cast(logits, tf.float32))
        count = min(self.count, num_classes)
        return tf.cast(tf.math.top_k(first, count).indices, y.dtype)

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return super().success(labels[:, 0], logits)

    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return super().values(labels[:, 0], logits)
