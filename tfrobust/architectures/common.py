"""What the networks share: one input, one feature layer, logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
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
        variance: likewise.
    """
    if mean is None:
        return x
    channels = x.shape[-1]
    values = [
        [float(v)] * channels if not isinstance(v, Sequence) else list(v)
        for v in (mean, variance)
    ]
    return layers.Normalization(
        mean=values[0], variance=values[1], name="standardization"
    )(x)
