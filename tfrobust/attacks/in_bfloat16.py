"""Search in bfloat16, believe float32."""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.attacks.around import Around
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.compilation import fingerprint
from tfrobust.objectives import Objective

_POLICY = "mixed_bfloat16"
_COPIES: weakref.WeakKeyDictionary[keras.Model, Any] = (
    weakref.WeakKeyDictionary()
)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class InBfloat16(Around):
    """An attack that climbs a copy of the model in bfloat16.

    Faster where the processor multiplies in bfloat16 (AMX, AVX512_BF16). A
    success counts only if the model itself confirms it; an example that the
    copy lost and the model did not is attacked once more, on the model.

    Args:
        attack: any attack on gradients or queries.
    """

    @property
    def objective(self) -> Objective:
        """The objective of the attack."""
        return self.attack.objective

    @property
    def leaves_misclassified_alone(self) -> bool:
        """See base class."""
        return self.attack.leaves_misclassified_alone

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class."""
        copy = in_bfloat16(classifier)
        found = self.attack.search(copy, x, labels, example_ids)
        lost, confirmed = (
            np.asarray(
                self.objective.success(labels, predict_logits(model, found))
            )
            for model in (copy, classifier)
        )
        again = np.flatnonzero(lost & ~confirmed)
        if again.size:
            rows = (tf.gather(t, again) for t in (x, labels, example_ids))
            found[again] = self.attack.search(classifier, *rows)
        return found


def in_bfloat16(model: keras.Model) -> keras.Model:
    """Return a copy that computes in bfloat16, the last layer in float32.

    The copy is kept, and takes the model's weights at every call.

    Raises:
        ValueError: for what is no functional or Sequential model.
    """
    if not isinstance(model, keras.Sequential) and not isinstance(
        model, keras.Model
    ):
        raise ValueError(
            "bfloat16 needs a functional or Sequential model. "
            f"Received: {type(model).__name__}"
        )
    state = fingerprint(model)
    if _COPIES.get(model, (None, None))[0] != state:
        _COPIES[model] = state, _copied(model)
    copy = _COPIES[model][1]
    copy.set_weights(model.get_weights())
    return copy


def _copied(model: keras.Model) -> keras.Model:
    last = model.layers[-1]

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer is not last:
            config["dtype"] = _POLICY
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=clone, recursive=True)
