"""Carlini and Wagner's network, which SGR uses.

Carlini and Wagner, 2017, Towards evaluating the robustness of neural
networks, Table I, https://arxiv.org/abs/1608.04644
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import classifier_input
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import convolution
from tfrobust.architectures.common import dense
from tfrobust.architectures.common import Shape


def nine_layer_cnn(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    width: int = 64,
    dropout: float = 0.5,
    activation: Any = "relu",
) -> keras.Model:
    """Return the nine-layer network: 4 convolutions, 2 pools, 3 dense.

    Args:
        input_shape: (height, width, channels), at least 16x16; default
            CIFAR-10's.
        num_classes: default 10.
        width: filters of the first convolutions; default 64 with dense
            layers of 256 (CIFAR-10); 32 with dense layers of 200 is MNIST's.
        dropout: rate between the dense layers; default 0.5.
        activation: default "relu".
    """
    inputs = x = classifier_input(input_shape, num_classes)
    for filters in (width, 2 * width):
        x = convolution(x, filters, 3, activation, "valid")
        x = convolution(x, filters, 3, activation, "valid")
        x = layers.MaxPooling2D()(x)
    units = 200 if width == 32 else 4 * width
    x = dense(layers.Flatten()(x), units, activation)
    x = layers.Dropout(dropout)(x) if dropout else x
    x = dense(x, units, activation)
    return classifier_model(inputs, x, num_classes, name="nine_layer_cnn")
