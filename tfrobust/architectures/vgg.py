"""VGG: blocks of 3x3 convolutions, each followed by a pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import bare_convolution
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import convolution
from tfrobust.architectures.common import dense
from tfrobust.architectures.common import image_input
from tfrobust.architectures.common import normalized
from tfrobust.architectures.common import Shape
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer

# Convolutions per block: configurations A, B, D, E of the paper's Table 1.
_BLOCKS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def vgg(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 16,
    width: int = 64,
    dense_units: Sequence[int] = (512, 512),
    batch_normalization: bool = True,
    dropout: float = 0.5,
    activation: Any = "relu",
    mean: Any = None,
    variance: Any = None,
) -> keras.Model:
    """Return VGG-`depth`: five blocks, then dense layers.

    Args:
        input_shape: (height, width, channels), at least 17x17; default
            CIFAR-10's. The paper: 224x224.
        num_classes: default 10.
        depth: 11, 13, 16 (default) or 19, the paper's A, B, D, E.
        width: filters of the first block, which the next three double up to
            eight times as many; default 64, the paper's.
        dense_units: of the hidden dense layers; default (512, 512), ours for
            small images. The paper: (4096, 4096).
        batch_normalization: after each convolution; default `True`, ours:
            without it depth 16 sat at ln 10, with SGD always and with Adam
            under adversarial training. The paper, older than it: `False`.
        dropout: rate after each hidden dense layer; default 0.5, the paper's.
        activation: default "relu".
        mean: of the images, a number or one per channel, to standardise
            inside the network; default `None`: don't.
        variance: likewise; needed with `mean`.

    References:
        Simonyan and Zisserman, 2015, Very deep convolutional networks for
        large-scale image recognition, https://arxiv.org/abs/1409.1556
    """
    check_choice("depth", depth, _BLOCKS)
    check_integer("width", width, minimum=1)
    inputs, x = image_input(
        input_shape, num_classes, halvings=5, mean=mean, variance=variance
    )
    for count, factor in zip(_BLOCKS[depth], (1, 2, 4, 8, 8), strict=True):
        for _ in range(count):
            if batch_normalization:
                x = bare_convolution(x, factor * width, 3)
                x = normalized(x, activation)
            else:
                x = convolution(x, factor * width, 3, activation, "same")
        x = layers.MaxPooling2D(padding="same")(x)
    x = layers.Flatten()(x)
    for units in dense_units:
        x = dense(x, units, activation)
        x = layers.Dropout(dropout)(x) if dropout else x
    return classifier_model(inputs, x, num_classes, name="vgg")
