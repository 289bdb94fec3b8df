"""Objectives that look at the logits."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_type
from tfrobust.objectives.base import LogitsObjective
from tfrobust.objectives.base import Objective
from tfrobust.objectives.base import with_slope
from tfrobust.objectives.scores import cross_entropy
from tfrobust.objectives.scores import difference_of_logits_ratio
from tfrobust.objectives.scores import kl_divergence
from tfrobust.objectives.scores import margin
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import at_least_float32

_TINY = 1e-12


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class CrossEntropy(LogitsObjective):
    """Softmax cross-entropy of the label (Madry et al., 2018)."""

    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return cross_entropy(labels, logits)


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class Margin(LogitsObjective):
    """The C&W margin min(max_{i != y} z_i - z_y, kappa).

    Unlike cross-entropy its gradient does not vanish as softmax saturates.

    Args:
        kappa: confidence at which an example's score stops growing;
            non-negative, or `None` (default) for no limit.

    References:
        Carlini and Wagner, 2017, https://arxiv.org/abs/1608.04644
    """

    kappa: float | None = None

    def __post_init__(self) -> None:
        if self.kappa is not None:
            check_non_negative("kappa", self.kappa)

    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        values = margin(labels, logits)
        if self.kappa is not None:
            values = tf.minimum(values, self.kappa)
        return values


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class DifferenceOfLogitsRatio(LogitsObjective):
    """The margin over the spread of the logits (Croce and Hein, 2020).

    With two classes there is no third logit: then the margin itself.
    """

    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        if logits.shape[1] < 3:
            return margin(labels, logits)
        return difference_of_logits_ratio(labels, logits)


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class TrainingLoss(LogitsObjective):
    """A Keras loss of logits: what a model was trained with.

    Args:
        loss: a `keras.losses.Loss` with one value per example.
    """

    loss: keras.losses.Loss

    def __post_init__(self) -> None:
        check_type(
            "loss",
            self.loss,
            keras.losses.Loss,
            example="tfrobust.losses.MaxMahalanobis()",
        )

    def values(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return self.loss.call(labels, logits)


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class TemperedCrossEntropy(Objective):
    """Cross-entropy with a softmax temperature of each image's own.

    CE(y, z(x') / T) with T such that the clean image's logits lie within
    `spread`: (max z(x) - min z(x)) / spread, held fixed along the ascent.
    Cross-entropy and its gradient round to 0 in float32 where the label
    leads by about 90, so a model that masks by large logits is climbed here
    like the same model with small ones, unless logits grow fourfold on the
    way. Beside cross-entropy, not in its place: where nothing saturates it
    is another temperature, no better one. The margin and DLR don't saturate
    either, but look at two or three logits only.

    Args:
        spread: of the clean logits over T; positive, default 20 (ours:
            of 5, 10 and 20 the one under which the least stood of a model
            of LFR and, within three images of 200, of three others).

    References:
        On floating-point errors of cross-entropy's gradient in attacks, and
        logits scaled against them: https://arxiv.org/abs/2507.22428
    """

    spread: float = 20.0

    def __post_init__(self) -> None:
        check_positive("spread", self.spread)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        logits = at_least_float32(classifier(x, training=False))
        highest = tf.reduce_max(logits, axis=1, keepdims=True)
        lowest = tf.reduce_min(logits, axis=1, keepdims=True)
        spread = tf.maximum(tf.stop_gradient(highest - lowest), _TINY)
        temperature = spread / self.spread

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            tempered = at_least_float32(with_slope(logits)) / temperature
            return cross_entropy(labels, tempered), logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class KLDivergence(Objective):
    """KL(p(x) || p(x')), TRADES' inner objective.

    Value and gradient vanish at x' = x: start the ascent somewhere else.

    References:
        Zhang et al., 2019, https://arxiv.org/abs/1901.08573
    """

    @property
    def moves_at_clean(self) -> bool:
        """No: value and gradient vanish there."""
        return False

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        clean_logits = tf.stop_gradient(classifier(x, training=False))

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            return kl_divergence(clean_logits, with_slope(logits)), logits

        return score
