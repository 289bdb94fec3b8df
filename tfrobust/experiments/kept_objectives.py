"""What a card keeps of a defense, for attacks that know it."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.defenses.adaptive import DefenseLoss
from tfrobust.objectives import Objective


def kept_objective(objective: Objective | None) -> dict[str, Any] | None:
    """Return an objective's Keras configuration.

    `None` where a configuration isn't all of it: a penalty's layers, such as
    SGR's covariance, have learned weights.
    """
    if objective is None:
        return None
    if isinstance(objective, DefenseLoss) and any(
        penalty.layers for penalty in objective.penalties
    ):
        return None
    return dict(keras.saving.serialize_keras_object(objective))
