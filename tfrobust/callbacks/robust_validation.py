"""Validation under attack after each epoch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfrobust.arguments import check_type
from tfrobust.attacks.base import Attack
from tfrobust.inputs import check_images


class RobustValidation(keras.callbacks.Callback):
    """Add `val_accuracy` and `val_robust_accuracy` to the epoch's logs.

    Put it before callbacks that read them, such as `KeepCheckpoints`; Keras'
    own EarlyStopping and ModelCheckpoint then need `mode="max"`. The
    images are the same at every epoch, and so is the attack's noise.

    Args:
        x: validation images, never test images; (n, ...).
        y: their integer labels, (n,).
        attack: the attack; of `model.classifier` where there is one.
        batch_size: default 250.
    """

    def __init__(
        self, x: Any, y: Any, attack: Attack, *, batch_size: int = 250
    ) -> None:
        super().__init__()
        check_type("attack", attack, Attack, example="PGD(ball)")
        self.x = check_images(x, bounds=attack.threat_model.bounds)
        self.y = np.asarray(y)
        self.attack = attack
        self.batch_size = batch_size

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Attack the model as it stands."""
        del epoch
        classifier = getattr(self.model, "classifier", self.model)
        result = self.attack(
            classifier, self.x, self.y, batch_size=self.batch_size
        )
        if logs is not None:
            logs["val_accuracy"] = result.clean_accuracy
            logs["val_robust_accuracy"] = result.robust_accuracy
