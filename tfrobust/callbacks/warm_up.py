"""Let the radius and the robust terms grow over the first epochs."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.arguments import check_integer
from tfrobust.defenses import RobustModel


class WarmUp(keras.callbacks.Callback):
    """Raise a defense's radius and robust terms linearly from 0 to full.

    At step t of the first `epochs` epochs, T steps in all, the radius and the
    step of the training attack, or every term of the loss but the first and
    the radius of a weight perturbation, are t / T of what they will be. After
    a resumption it goes on where it was.

    Args:
        epsilon_epochs: of the radius; default 0: full from the start.
        weight_epochs: of terms and penalties; default 0.
        first_step: steps of the first epoch that were taken before, for a
            run that goes on from the middle of one; default 0.
    """

    def __init__(
        self,
        *,
        epsilon_epochs: int = 0,
        weight_epochs: int = 0,
        first_step: int = 0,
    ) -> None:
        super().__init__()
        check_integer("epsilon_epochs", epsilon_epochs, minimum=0)
        check_integer("weight_epochs", weight_epochs, minimum=0)
        self.epsilon_epochs = epsilon_epochs
        self.weight_epochs = weight_epochs
        self.first_step = first_step
        self._epoch = 0
        self._taken = first_step

    def set_model(self, model: Any) -> None:
        """Take the model; only a defense has a radius and terms."""
        if not isinstance(model, RobustModel):
            raise ValueError(
                "WarmUp needs a tfrobust defense. "
                f"Received: model={type(model).__name__}"
            )
        super().set_model(model)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Remember the epoch."""
        del logs
        self._epoch = epoch

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Set the scales of the next step, for that is what is saved."""
        del logs
        self._taken = 0
        self._set_scales(epoch + 1.0)

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Set the scales of this step."""
        del logs
        steps = self.params["steps"]
        if not steps:
            raise ValueError(
                "WarmUp must know how many steps an epoch has; pass "
                f"steps_per_epoch to fit. Received: steps={steps}"
            )
        taken = self._taken
        self._set_scales(self._epoch + (taken + batch) / (taken + steps))

    def _set_scales(self, done: float) -> None:
        model = self.model
        model.epsilon_scale.assign(_share(done, self.epsilon_epochs))
        model.weight_scale.assign(_share(done, self.weight_epochs))


def _share(done: float, epochs: int) -> float:
    return 1.0 if epochs == 0 else min(1.0, done / epochs)
