"""The two networks of the decision-surface paper.

Yu, Liu, Wang and Chen, 2018, Interpreting adversarial robustness: a view from
decision surface in input space. The paper gives kinds and numbers of layers
("two convolutional layers and two fully connected layers"; "five
convolutional layers and one global average pooling layer"); widths are ours.
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


def ds_mnist_cnn(
    input_shape: Shape = (28, 28, 1),
    num_classes: int = 10,
    *,
    activation: Any = "relu",
) -> keras.Model:
    """Return the MNIST network: 2 convolutions, 2 dense layers.

    Args:
        input_shape: (height, width, channels); default MNIST's.
        num_classes: default 10.
        activation: default "relu".
    """
    inputs = x = classifier_input(input_shape, num_classes)
    for filters in (32, 64):
        x = convolution(x, filters, 5, activation, "same")
        x = layers.MaxPooling2D()(x)
    x = dense(layers.Flatten()(x), 256, activation)
    return classifier_model(inputs, x, num_classes, name="ds_mnist_cnn")


def ds_convnet(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    width: int = 64,
    activation: Any = "relu",
) -> keras.Model:
    """Return the CIFAR-10 network: 5 convolutions, global average pooling.

    Args:
        input_shape: (height, width, channels); default CIFAR-10's.
        num_classes: default 10.
        width: filters of the first convolution; default 64.
        activation: default "relu".
    """
    inputs = x = classifier_input(input_shape, num_classes)
    for index, filters in enumerate((1, 1, 2, 2, 4)):
        x = convolution(x, filters * width, 3, activation, "same")
        if index in (1, 3):
            x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return classifier_model(inputs, x, num_classes, name="ds_convnet")
