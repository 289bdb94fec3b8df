"""A fully connected network, for flat inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import classifier_input
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import dense
from tfrobust.architectures.common import Shape


def dense_network(
    input_shape: Shape = (64,),
    num_classes: int = 10,
    *,
    widths: Sequence[int] = (64, 64),
    activation: Any = "relu",
) -> keras.Model:
    """Return hidden dense layers and a linear head.

    Args:
        input_shape: (D,), or (height, width, channels), which is flattened.
        num_classes: default 10.
        widths: of the hidden layers; () gives a linear classifier.
        activation: default "relu".
    """
    inputs = x = classifier_input(input_shape, num_classes)
    x = layers.Flatten()(x) if len(x.shape) > 2 else x
    for width in widths:
        x = dense(x, width, activation)
    return classifier_model(inputs, x, num_classes, name="dense_network")
