"""Per-example scores that an attack makes as large as it can.

A score of logits is a pure function `(y, logits) -> (batch,)`. An objective
is a factory on top of it: `objective(classifier, x, y)` returns the closure
`x_adv -> (values, logits)` that an ascent climbs. It may have captured what
it needs of the clean point; the logits tell success without another pass.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import Score
from tfrobust.ops.norms import at_least_float32
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import norm
from tfrobust.ops.norms import NORMS
from tfrobust.serialization import Configurable


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return softmax cross-entropy, shape (batch,), at least float32."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=y, logits=at_least_float32(logits)
    )


def margin(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return max_{i != y} z_i - z_y, shape (batch,): positive when wrong."""
    logits = at_least_float32(logits)
    is_y = tf.one_hot(y, tf.shape(logits)[1], on_value=True, off_value=False)
    others = tf.where(is_y, tf.constant(-float("inf"), logits.dtype), logits)
    return tf.reduce_max(others, axis=1) - tf.gather(logits, y, batch_dims=1)


def kl_divergence(logits: tf.Tensor, other_logits: tf.Tensor) -> tf.Tensor:
    """Return KL(softmax(logits) || softmax(other_logits)), shape (batch,)."""
    log_p = tf.nn.log_softmax(at_least_float32(logits))
    log_q = tf.nn.log_softmax(at_least_float32(other_logits))
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)


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


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class CrossEntropy(Objective):
    """Softmax cross-entropy of the label (Madry et al., 2018)."""

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            return cross_entropy(labels, logits), logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class Margin(Objective):
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

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = classifier(x_adv, training=False)
            values = margin(labels, logits)
            if self.kappa is not None:
                values = tf.minimum(values, self.kappa)
            return values, logits

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
            return kl_divergence(clean_logits, logits), logits

        return score


@keras.saving.register_keras_serializable("tfrobust.objectives")
@dataclasses.dataclass(frozen=True)
class GradientNorm(Objective):
    """The norm of cross-entropy's input gradient at x': second order.

    LFR's inner objective, with the l1 norm; eq. (3).

    Args:
        norm: 1 (default), 2 or "inf". 2 is the norm itself, not its square.

    References:
        Xu et al., 2020, local flatness regularization, ICIP
    """

    norm: Norm = 1

    def __post_init__(self) -> None:
        check_choice("norm", self.norm, NORMS)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""

        def score(x_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            forward = Forward(classifier, x_adv)
            gradient = forward.gradient(lambda z: cross_entropy(labels, z))
            return norm(gradient, self.norm), forward.logits

        return score


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
