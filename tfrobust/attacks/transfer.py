"""Points crafted on one model, shown to another."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.attacks.around import Around
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_logits
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class Transfer(Around):
    """Attack a source model; the points are for the model that is attacked.

    A climb spends its whole budget on every example, also on those that the
    source gets wrong or has lost: a point far beyond the source's boundary
    is likelier to be beyond another's.

    Args:
        attack: made on the source.
        source: a Keras model from images to logits.
        source_name: how the source is called in records; default "".
    """

    _: dataclasses.KW_ONLY
    source: keras.Model
    source_name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.attack, Transfer):
            raise ValueError(
                "`attack` must be made on the source itself. "
                f"Received: attack={self.attack!r}"
            )

    @property
    def objective(self) -> Objective:
        """The cross-entropy: any wrong class of the target is a success."""
        return CrossEntropy()

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class; of the classifier only its classes are asked."""
        check_classifier(self.source, x.numpy())
        logits = predict_logits(self.source, x.numpy())
        check_logits(logits)
        if classifier is not None:
            _check_classes(logits, predict_logits(classifier, x[:1].numpy()))
        attack = self.attack
        if isinstance(attack, GradientAttack):
            changes: dict[str, Any] = {"keep_best": False}
            attack = dataclasses.replace(  # type: ignore[type-var]
                attack, **changes
            )
        chosen = attack.objective.labels(labels, tf.constant(logits))
        chosen = tf.constant(chosen)
        return attack.search(self.source, x, chosen, example_ids)


def _check_classes(of_source: np.ndarray, of_target: np.ndarray) -> None:
    """Raise `ValueError` unless two models' logits are of as many classes."""
    if of_source.shape[1] != of_target.shape[1]:
        raise ValueError(
            f"The source of a transfer must have {of_target.shape[1]} classes, "
            f"like its target. Received: {of_source.shape[1]}"
        )
