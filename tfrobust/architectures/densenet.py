"""Densely connected networks with bottlenecks and compression."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import bare_convolution
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import image_input
from tfrobust.architectures.common import normalized
from tfrobust.architectures.common import Shape
from tfrobust.architectures.residual import units_per_stage
from tfrobust.arguments import check_integer


def densenet_bc(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 100,
    growth_rate: int = 12,
    dropout: float = 0.0,
    activation: Any = "relu",
    mean: Any = None,
    variance: Any = None,
) -> keras.Model:
    """Return DenseNet-BC: three blocks whose layers read all before them.

    A layer is a 1x1 convolution to 4 * `growth_rate` channels and a 3x3 one
    to `growth_rate`; between blocks a 1x1 convolution keeps half of the
    channels.

    Args:
        input_shape: (height, width, channels), at least 3x3; default
            CIFAR-10's.
        num_classes: default 10.
        depth: 6n + 4 with n layers per block; default 100, the smallest of
            the paper.
        growth_rate: the paper's k; default 12, its smallest. The paper's
            others: depth 250 with 24, 190 with 40.
        dropout: rate after each convolution but the first; default 0. The
            paper, without augmentation: 0.2.
        activation: default "relu".
        mean: of the images, a number or one per channel, to standardise
            inside the network; default `None`: don't.
        variance: likewise; needed with `mean`.

    References:
        Huang et al., 2017, Densely connected convolutional networks,
        https://arxiv.org/abs/1608.06993
    """
    layers_per_block = units_per_stage(depth, 6, 4, "40 or 100")
    check_integer("growth_rate", growth_rate, minimum=1)
    inputs, x = image_input(
        input_shape, num_classes, halvings=2, mean=mean, variance=variance
    )
    x = bare_convolution(x, 2 * growth_rate, 3)
    for block in range(3):
        if block > 0:
            x = _composite(x, x.shape[-1] // 2, 1, activation, dropout)
            x = layers.AveragePooling2D(2, padding="same")(x)
        for _ in range(layers_per_block):
            y = _composite(x, 4 * growth_rate, 1, activation, dropout)
            y = _composite(y, growth_rate, 3, activation, dropout)
            x = layers.Concatenate()([x, y])
    x = layers.GlobalAveragePooling2D()(normalized(x, activation))
    return classifier_model(inputs, x, num_classes, name="densenet_bc")


def _composite(
    x: Any, filters: int, size: int, activation: Any, dropout: float
) -> Any:
    """Return x normalised, activated, convolved, with dropout."""
    x = bare_convolution(normalized(x, activation), filters, size)
    return layers.Dropout(dropout)(x) if dropout else x
