"""TRADES' SmallCNN and the small network for 8x8 digits."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import classifier_input
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import convolution
from tfrobust.architectures.common import dense
from tfrobust.architectures.common import Shape


def small_cnn(
    input_shape: Shape = (28, 28, 1),
    num_classes: int = 10,
    *,
    dropout: float = 0.0,
    activation: Any = "relu",
    zero_head: bool = True,
) -> keras.Model:
    """Return SmallCNN: 4 convolutions, 2 hidden dense layers.

    Args:
        input_shape: (height, width, channels), at least 16x16; default
            MNIST's.
        num_classes: default 10.
        dropout: rate after the first dense layer; default 0, as LFR has it
            (TRADES: 0.5).
        activation: default "relu".
        zero_head: zero-initialised last layer, TRADES'; default True.

    References:
        Zhang et al., 2019, https://arxiv.org/abs/1901.08573
    """
    inputs = x = classifier_input(input_shape, num_classes)
    for filters in (32, 64):
        x = convolution(x, filters, 3, activation, "valid")
        x = convolution(x, filters, 3, activation, "valid")
        x = layers.MaxPooling2D()(x)
    x = dense(layers.Flatten()(x), 200, activation)
    x = layers.Dropout(dropout)(x) if dropout else x
    x = dense(x, 200, activation)
    return classifier_model(
        inputs, x, num_classes, name="small_cnn", zero_head=zero_head
    )


def digits_cnn(
    input_shape: Shape = (8, 8, 1),
    num_classes: int = 10,
    *,
    width: int = 32,
    activation: Any = "relu",
) -> keras.Model:
    """Return a network for tiny images: 2 convolutions, 1 hidden layer.

    Args:
        input_shape: (height, width, channels); default scikit-learn's
            digits'.
        num_classes: default 10.
        width: filters of the first convolution; default 32.
        activation: default "relu".
    """
    inputs = x = classifier_input(input_shape, num_classes)
    x = convolution(x, width, 3, activation, "same")
    x = convolution(x, 2 * width, 3, activation, "same")
    x = layers.MaxPooling2D()(x)
    x = dense(layers.Flatten()(x), 4 * width, activation)
    return classifier_model(inputs, x, num_classes, name="digits_cnn")
