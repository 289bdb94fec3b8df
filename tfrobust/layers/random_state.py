"""Make what random layers draw a function of a key."""

from __future__ import annotations

import keras


def seed_random_layers(model: keras.Model, seed: int, stream: int) -> None:
    """Set the state of dropout and its like, each layer's its own.

    Keras does not save these states, so what is done again after a stop
    would draw otherwise. Layers that draw without a `keras.random.
    SeedGenerator` are not reached.

    Args:
        model: whose layers.
        seed: in [0, 2**32).
        stream: which epoch, batch, ... this is; in [0, 2**22).
    """
    states = [
        variable
        for variable in model.variables
        if variable.path.endswith("seed_generator_state")
    ]
    for index, state in enumerate(states):
        state.assign([seed, (stream << 10) + index])
