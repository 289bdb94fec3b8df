"""What the networks share: one input, one feature layer, logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from tfrobust.arguments import check_integer

Shape = Sequence[int]


def classifier_input(input_shape: Shape, num_classes: int) -> Any:
    """Return the symbolic input, after a look at what was asked for."""
    check_integer("num_classes", num_classes, minimum=2)
    sizes = tuple(input_shape)
    if len(sizes) not in (1, 3) or min(sizes, default=0) < 1:
        raise ValueError(
            "`input_shape` must be (height, width, channels) or (D,). "
            f"Received: input_shape={input_shape!r}"
        )
    return keras.Input(sizes, name="images")


def image_input(
    input_shape: Shape,
    num_classes: int,
    *,
    halvings: int,
    mean: Any,
    variance: Any,
) -> tuple[Any, Any]:
    """Return the input and what the first layer sees of it.

    Args:
        input_shape: (height, width, channels).
        num_classes: at least 2.
        halvings: how often the network halves the image; each must find two
            pixels to make one of.
        mean: see `standardized`.
        variance: likewise.
    """
    inputs = classifier_input(input_shape, num_classes)
    smallest = 2 ** (halvings - 1) + 1
    if len(input_shape) != 3 or min(input_shape[:2]) < smallest:
        raise ValueError(
            "`input_shape` must be (height, width, channels) of at least "
            f"{smallest}x{smallest} pixels. "
            f"Received: input_shape={input_shape!r}"
        )
    return inputs, standardized(inputs, mean, variance)


def convolution(
    x: Any, filters: int, size: int, activation: Any, padding: str
) -> Any:
    """Return a convolution and its activation, in Keras' initialisation.

    He's has twice the variance: adversarial training of SmallCNN from it
    sat at ln 10 for 300 steps with one head and lost ground with another.
    """
    return layers.Conv2D(filters, size, padding=padding, activation=activation)(
        x
    )


def dense(x: Any, units: int, activation: Any) -> Any:
    """Return a fully connected layer in Keras' initialisation."""
    return layers.Dense(units, activation=activation)(x)


def bare_convolution(
    x: Any, filters: int, size: int, *, strides: int = 1
) -> Any:
    """Return a convolution that lives with normalisation.

    It has no bias, which normalisation would take away or has of its own, and
    He's initialisation, as the papers of residual and dense networks. That
    stalls plain networks, but normalisation sets the scale of whatever is
    activated, so here the kernels' scale only divides the learning rate:
    adversarially trained, He's at 0.1 and Keras' at 0.05 ended alike, and the
    papers' rates go with He's.

    Padding is symmetric, as in the authors' code, so that with strides the
    window's centre is the pixel that a shortcut keeps; Keras' "same" would be
    one pixel off.
    """
    x = layers.ZeroPadding2D(size // 2)(x) if strides > 1 and size > 1 else x
    return layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)


def normalization(x: Any) -> Any:
    """Return batch normalisation that is exact to second order.

    Without `synchronized` TensorFlow's second derivatives are wrong in
    training mode, and replicas' statistics drift apart. The attack inside a
    training step reads the moving statistics: with Keras' momentum of 0.99
    they lag by a hundred steps, so at first it attacks another network than
    the one that is trained. The authors' Torch code has 0.9.
    """
    return layers.BatchNormalization(synchronized=True, momentum=0.9)(x)


def normalized(x: Any, activation: Any) -> Any:
    """Return x, normalised, then activated."""
    return layers.Activation(activation)(normalization(x))


def classifier_model(
    inputs: Any,
    features: Any,
    num_classes: int,
    *,
    name: str,
    zero_head: bool = False,
) -> keras.Model:
    """Name the features, add the linear head, return the model.

    Args:
        inputs: what `classifier_input` returned.
        features: what the head reads, shape (batch, width).
        num_classes: at least 2.
        name: of the model.
        zero_head: start from logits that are all zero.
    """
    features = layers.Identity(name="features")(features)
    initializer = "zeros" if zero_head else "glorot_uniform"
    logits = layers.Dense(
        num_classes,
        name="logits",
        kernel_initializer=initializer,
        # Losses and attacks want full digits under any policy.
        dtype=_head_dtype(),
    )(features)
    return keras.Model(inputs, logits, name=name)


def _head_dtype() -> Any:
    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype != policy.variable_dtype else None


def standardized(x: Any, mean: Any, variance: Any) -> Any:
    """Return (x - mean) / sqrt(variance), a layer inside the model.

    Args:
        x: symbolic images in [0, 1].
        mean: number or one per channel, in input units; `None` for none.
        variance: likewise, in squared input units.
    """
    if mean is None and variance is None:
        return x
    if mean is None or variance is None:
        raise ValueError(
            "`mean` and `variance` must be given together. "
            f"Received: mean={mean!r}, variance={variance!r}"
        )
    means = _per_channel("mean", mean, x.shape[-1])
    variances = _per_channel("variance", variance, x.shape[-1])
    if min(variances) <= 0:
        raise ValueError(
            f"`variance` must be positive. Received: variance={variance!r}"
        )
    return layers.Normalization(
        mean=means, variance=variances, name="standardization"
    )(x)


def _per_channel(name: str, value: Any, channels: int) -> list[float]:
    values = np.ravel(value).astype("float64")
    if len(values) not in (1, channels) or not np.isfinite(values).all():
        raise ValueError(
            f"`{name}` must be a number or one for each of {channels} "
            f"channels. Received: {name}={value!r}"
        )
    return [float(v) for v in np.broadcast_to(values, channels)]
