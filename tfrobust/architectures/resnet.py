"""Residual networks for images of 32x32 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfrobust.architectures.common import bare_convolution
from tfrobust.architectures.common import classifier_model
from tfrobust.architectures.common import image_input
from tfrobust.architectures.common import normalization
from tfrobust.architectures.common import normalized
from tfrobust.architectures.common import Shape
from tfrobust.architectures.residual import preactivated_unit
from tfrobust.architectures.residual import stages
from tfrobust.architectures.residual import units_per_stage
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer


def resnet_v1(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 20,
    shortcut: str = "identity",
    activation: Any = "relu",
    mean: Any = None,
    variance: Any = None,
) -> keras.Model:
    """Return the first residual network: three stages of 16, 32, 64 filters.

    Args:
        input_shape: (height, width, channels), at least 3x3; default
            CIFAR-10's.
        num_classes: default 10.
        depth: 6n + 2 with n units per stage; default 20, LFR's on CIFAR-10.
            Max-Mahalanobis: 32. The paper: 20, 32, 44, 56, 110.
        shortcut: where the width doubles, "identity" (default, the paper's
            option A) fills up with zeros and has no weights; "projection" is
            a 1x1 convolution without normalisation, as in Keras' example and
            Max-Mahalanobis.
        activation: default "relu".
        mean: of the images, a number or one per channel, to standardise
            inside the network; default `None`: don't.
        variance: likewise; needed with `mean`.

    References:
        He et al., 2016, Deep residual learning for image recognition,
        section 4.2, https://arxiv.org/abs/1512.03385
    """
    units = units_per_stage(depth, 6, 2, "20 or 32")
    check_choice("shortcut", shortcut, ("identity", "projection"))
    inputs, x = image_input(
        input_shape, num_classes, halvings=2, mean=mean, variance=variance
    )
    x = normalized(bare_convolution(x, 16, 3), activation)
    for filters, strides in stages((16, 32, 64), units):
        y = bare_convolution(x, filters, 3, strides=strides)
        y = bare_convolution(normalized(y, activation), filters, 3)
        if strides == 2 and shortcut == "identity":
            x = _filled_up(x, filters)
        elif strides == 2:
            x = bare_convolution(x, filters, 1, strides=2)
        x = layers.Add()([x, normalization(y)])
        x = layers.Activation(activation)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return classifier_model(inputs, x, num_classes, name="resnet_v1")


def resnet_v2(
    input_shape: Shape = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 29,
    bottlenecks: Sequence[int] = (16, 64, 128),
    activation: Any = "relu",
    mean: Any = None,
    variance: Any = None,
) -> keras.Model:
    """Return the pre-activated bottleneck network: 64, 128, 256 filters.

    Args:
        input_shape: (height, width, channels), at least 3x3; default
            CIFAR-10's.
        num_classes: default 10.
        depth: 9n + 2 with n units per stage; default 29, as Keras' example
            for its n = 3. Max-Mahalanobis: 47. The paper: 164, 1001.
        bottlenecks: filters of the 3x3 convolutions of each stage; default
            those of Keras' example and Max-Mahalanobis. The paper, a quarter
            of the stage's filters throughout: (16, 32, 64).
        activation: default "relu".
        mean: of the images, a number or one per channel, to standardise
            inside the network; default `None`: don't.
        variance: likewise; needed with `mean`.

    A projection reads activations, as in the authors' code; those of Keras'
    example after the first read the sum before them.

    References:
        He et al., 2016, Identity mappings in deep residual networks,
        https://arxiv.org/abs/1603.05027
    """
    units = units_per_stage(depth, 9, 2, "29 or 47")
    _check_bottlenecks(bottlenecks)
    inputs, x = image_input(
        input_shape, num_classes, halvings=2, mean=mean, variance=variance
    )
    x = bare_convolution(x, 16, 3)
    widths = list(zip(bottlenecks, (64, 128, 256), strict=True))
    for (narrow, wide), strides in stages(widths, units):
        convolutions = [(narrow, 1), (narrow, 3), (wide, 1)]
        x = preactivated_unit(x, convolutions, activation, strides=strides)
    x = layers.GlobalAveragePooling2D()(normalized(x, activation))
    return classifier_model(inputs, x, num_classes, name="resnet_v2")


def _filled_up(x: Any, filters: int) -> Any:
    """Return every other pixel of x, with zeros for the missing channels."""
    x = layers.AveragePooling2D(1, strides=2)(x)
    missing = filters - x.shape[-1]
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, missing]])


def _check_bottlenecks(bottlenecks: Any) -> None:
    if not isinstance(bottlenecks, Sequence) or len(bottlenecks) != 3:
        raise ValueError(
            "`bottlenecks` must be three numbers of filters, such as "
            f"(16, 32, 64). Received: bottlenecks={bottlenecks!r}"
        )
    for width in bottlenecks:
        check_integer("bottlenecks", width, minimum=1)
