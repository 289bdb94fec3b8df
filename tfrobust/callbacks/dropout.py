"""Make random layers a function of (seed, epoch)."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.arguments import check_seed
from tfrobust.layers import seed_random_layers


class SeedRandomLayers(keras.callbacks.Callback):
    """Set the state of every random layer at the start of each epoch.

    Keras does not save the state of dropout and its like, so a run that
    goes on from a checkpoint would draw other masks than an uninterrupted
    one, and others again at the next try.

    Args:
        seed: in [0, 2**32).
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        check_seed(seed)
        self.seed = seed

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Set the states: one stream for each layer and epoch."""
        del logs
        seed_random_layers(self.model, self.seed, epoch)
