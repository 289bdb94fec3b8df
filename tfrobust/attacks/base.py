"""What every attack shares when it evaluates a classifier."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.compilation import forget_callables
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import work
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.inputs import check_one_output
from tfrobust.objectives import Objective
from tfrobust.serialization import Configurable
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """What an attack found, one row per example, as numpy arrays.

    Attributes:
        x_adv: perturbed inputs, shape (batch, ...); an example that was not
            broken has the strongest point found.
        y: true labels, shape (batch,).
        clean_predictions: classes predicted before, shape (batch,).
        predictions: classes predicted at `x_adv` by a fresh forward pass.
        success: whether the attack reached its end at `x_adv`: a wrong
            class or, for a targeted objective, the target.
        perturbation_norm: ||x_adv - x|| in the threat model's norm; 0 where
            an attack on the nearest point found none, so look at `success`.
    """

    x_adv: np.ndarray
    y: np.ndarray
    clean_predictions: np.ndarray
    predictions: np.ndarray
    success: np.ndarray
    perturbation_norm: np.ndarray

    def __repr__(self) -> str:
        return (
            f"AttackResult({len(self.y)} examples, clean "
            f"{self.clean_accuracy:.1%}, robust {self.robust_accuracy:.1%})"
        )

    @property
    def clean_accuracy(self) -> float:
        """Share of examples classified correctly before the attack."""
        return float(np.mean(self.clean_predictions == self.y))

    @property
    def robust(self) -> np.ndarray:
        """Whether each example is still classified correctly."""
        return self.predictions == self.y

    @property
    def robust_accuracy(self) -> float:
        """Share of examples classified correctly after the attack."""
        return float(np.mean(self.robust))


Progress = Callable[[int], None]


class Attack(Configurable, abc.ABC):
    """Threat model + search. Call it to attack any Keras classifier.

    `attack(classifier, x, y)` is evaluation: examples that are misclassified
    to begin with are left as they are, every point returned lies in ball and
    box, and a success is confirmed by a fresh forward pass. Randomness is
    keyed by (seed, example id, draw): an example meets the same noise in any
    batch. The classifier's weights and statistics are not touched.
    """

    threat_model: NormBall

    @property
    @abc.abstractmethod
    def objective(self) -> Objective:
        """What the attack makes large; it also defines success."""

    @abc.abstractmethod
    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """Return the points found for these examples, in ball and box."""

    @property
    def most_work(self) -> int:
        """Work on one example at most, in forward passes; for estimates.

        Of an attack that doesn't tell, that of one input gradient.
        """
        return work(1, GRADIENT)

    @property
    def leaves_misclassified_alone(self) -> bool:
        """Whether only correctly classified examples are attacked."""
        return True

    def __call__(
        self,
        classifier: Any,
        x: Any,
        y: Any,
        *,
        targets: Any = None,
        example_ids: Any = None,
        batch_size: int = 250,
        progress: Progress | None = None,
    ) -> AttackResult:
        """Attack `classifier` on `x` and return an `AttackResult`.

        Args:
            classifier: a Keras model from images to logits; see
                `tfrobust.as_classifier`.
            x: images in the threat model's bounds, (batch, ...), floats.
            y: true integer labels, shape (batch,).
            targets: classes to reach, shape (batch,), for an objective
                `Targeted`; default: what it chooses itself.
            example_ids: integers that key the randomness, shape (batch,);
                default 0, 1, 2, ...
            batch_size: examples attacked at a time; default 250.
            progress: called with the number of examples after each batch.

        Raises:
            ValueError: for images out of range, labels that don't fit, or a
                model that returns no logits.
        """
        check_integer("batch_size", batch_size, minimum=1)
        x = check_images(x, bounds=self.threat_model.bounds)
        check_classifier(classifier, x)
        forget_callables(classifier)
        ids = _check_ids(example_ids, len(x))
        logits = predict_logits(classifier, x, batch_size=batch_size)
        check_logits(logits)
        shape = {"num_examples": len(x), "num_classes": logits.shape[1]}
        y = check_labels(y, **shape)
        if targets is None:
            labels = np.asarray(self.objective.labels(tf.constant(y), logits))
        else:
            self._check_takes_targets()
            labels = check_labels(targets, what="Targets", **shape)
            _check_targets_differ(labels, y)

        x_adv = x.copy()
        chosen = logits.argmax(1) == y
        if not self.leaves_misclassified_alone:
            chosen = np.ones_like(chosen)
        for start in range(0, len(x), batch_size):
            batch = slice(start, start + batch_size)
            rows = start + np.flatnonzero(chosen[batch])
            if rows.size:
                arrays = (x[rows], labels[rows], ids[rows])
                x_adv[rows] = self.search(classifier, *map(tf.constant, arrays))
            if progress is not None:
                progress(len(x[batch]))
        adv_logits = predict_logits(classifier, x_adv, batch_size=batch_size)
        check_logits(adv_logits)
        norms = self.threat_model.perturbation_norm(
            tf.constant(x_adv), tf.constant(x)
        )
        return AttackResult(
            x_adv=x_adv,
            y=y,
            clean_predictions=logits.argmax(1),
            predictions=adv_logits.argmax(1),
            success=np.asarray(
                self.objective.success(tf.constant(labels), adv_logits)
            ),
            perturbation_norm=np.asarray(norms),
        )

    def without_bounds(self) -> Any:
        """Return this attack with a ball and no box."""
        return self._with(dataclasses.replace(self.threat_model, bounds=None))

    def with_radius(self, epsilon: float) -> Any:
        """Return this attack in a ball of another radius."""
        return self._with(self.threat_model.with_epsilon(epsilon))

    def _with(self, ball: NormBall) -> Any:
        changes: dict[str, Any] = {"threat_model": ball}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def _check_takes_targets(self) -> None:
        if not self.objective.targeted:
            raise ValueError(
                "`targets` needs an objective `Targeted(...)`. Received: "
                f"objective={self.objective!r}"
            )


def _check_targets_differ(targets: np.ndarray, y: np.ndarray) -> None:
    same = np.count_nonzero(targets == y)
    if same:
        raise ValueError(
            "A target must be another class than the image's own. "
            f"Received: {same} of {len(y)} targets that are"
        )


def check_threat_model(ball: Any, *, finite: bool = True) -> None:
    """Raise `ValueError` unless an attack was given a `NormBall`.

    Args:
        ball: the threat model.
        finite: whether its radius must be.
    """
    example = 'NormBall("inf", epsilon=0.3)'
    check_type("threat_model", ball, NormBall, example=example)
    if finite and ball.epsilon == math.inf:
        raise ValueError(
            "This attack needs a ball of finite radius. "
            f"Received: epsilon={ball.epsilon}"
        )


def _check_ids(example_ids: Any, count: int) -> np.ndarray:
    if example_ids is None:
        return np.arange(count, dtype=np.int64)
    ids = np.asarray(example_ids)
    if ids.shape != (count,) or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            f"`example_ids` must be {count} integers. "
            f"Received: shape={ids.shape}, dtype={ids.dtype}"
        )
    return ids.astype(np.int64)


def predict_logits(
    classifier: Any, x: np.ndarray, *, batch_size: int = 250
) -> np.ndarray:
    """Return logits in inference mode, shape (batch, num_classes)."""
    spec = tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype))

    def build(model: Any) -> Callable:
        def logits(batch: tf.Tensor) -> tf.Tensor:
            outputs = model(batch, training=False)
            check_one_output(outputs)
            return tf.cast(outputs, spec.dtype)

        return logits

    forward = compiled(classifier, ("predict", spec), build, [spec])
    return np.concatenate(
        [
            forward(tf.constant(x[start : start + batch_size])).numpy()
            for start in range(0, len(x), batch_size)
        ]
    )
