"""Wide residual networks, the field's yardstick on CIFAR-10."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import bare_convolution
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import image_input
from tfrobust.architectures.common import normalized
from tfrobust.architectures.common import Shape
from tfrobust.architectures.residual import preactivated_unit
from tfrobust.architectures.residual import stages
from tfrobust.architectures.residual import units_per_stage
from tfrobust.arguments import check_integer


def wide_resnet(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 28,
    width: int = 10,
    dropout: float = 0.0,
    activation: Any = "relu",
    mean: Any = None,
    variance: Any = None,
) -> keras.Model:
    """Return WRN-depth-width: stages of 16, 32, 64 times `width` filters.

    Args:
        input_shape: (height, width, channels), at least 3x3; default
            CIFAR-10's.
        num_classes: default 10.
        depth: 6n + 4 with n units per stage; default 28. TRADES: 34.
        width: the paper's k; default 10, TRADES' too.
        dropout: rate inside each unit; default 0. The paper, where it has
            dropout: 0.3 (CIFAR), 0.4 (SVHN).
        activation: default "relu".
        mean: of the images, a number or one per channel, to standardise
            inside the network; default `None`: don't.
        variance: likewise; needed with `mean`.

    References:
        Zagoruyko and Komodakis, 2016, Wide residual networks,
        https://arxiv.org/abs/1605.07146
    """
    units = units_per_stage(depth, 6, 4, "28 or 34")
    check_integer("width", width, minimum=1)
    inputs, x = image_input(
        input_shape, num_classes, halvings=2, mean=mean, variance=variance
    )
    x = bare_convolution(x, 16, 3)
    for filters, strides in stages((16 * width, 32 * width, 64 * width), units):
        x = preactivated_unit(
            x,
            [(filters, 3), (filters, 3)],
            activation,
            strides=strides,
            dropout=dropout,
        )
    x = layers.GlobalAveragePooling2D()(normalized(x, activation))
    return classifier_model(inputs, x, num_classes, name="wide_resnet")
