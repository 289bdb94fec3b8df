"""Normalisation whose second derivatives are right.

`tf.nn.moments` stops the gradient of the mean inside the variance. First
derivatives are exact all the same, so nothing shows, but a penalty on an
input gradient is then trained along a wrong direction. Keras' layers on it:
BatchNormalization in training mode; LayerNormalization and
GroupNormalization in any mode. Keras' BatchNormalization(synchronized=True)
computes its moments itself and is right.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
import tensorflow as tf

from tfrobust.ops.norms import at_least_float32


def _normalize(x: tf.Tensor, axes: list[int], epsilon: float) -> tf.Tensor:
    mean = tf.reduce_mean(x, axes, keepdims=True)
    centred = x - mean
    variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)


@keras.saving.register_keras_serializable("tfrobust.layers")
class ExactLayerNormalization(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization` with exact second derivatives.

    Arguments, weights and outputs are those of the Keras layer.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise each example over `axis`; shape kept."""
        axes = self.axis if isinstance(self.axis, list | tuple) else [self.axis]
        axes = [a % inputs.shape.rank for a in axes]
        x = _normalize(at_least_float32(inputs), axes, self.epsilon)
        shape = [
            d if a in axes else 1 for a, d in enumerate(inputs.shape.as_list())
        ]
        if self.scale:
            x *= tf.cast(tf.reshape(self.gamma, shape), x.dtype)
        if self.center:
            x += tf.cast(tf.reshape(self.beta, shape), x.dtype)
        return tf.cast(x, self.compute_dtype)


@keras.saving.register_keras_serializable("tfrobust.layers")
class ExactGroupNormalization(keras.layers.GroupNormalization):
    """`keras.layers.GroupNormalization` with exact second derivatives.

    Arguments, weights and outputs are those of the Keras layer.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise each group of channels of each example; shape kept."""
        rank = inputs.shape.rank
        axis = self.axis % rank
        channels = inputs.shape[axis]
        groups = channels if self.groups == -1 else self.groups
        shape = tf.shape(inputs)
        split = tf.concat(
            [shape[:axis], [groups, channels // groups], shape[axis + 1 :]], 0
        )
        x = tf.reshape(at_least_float32(inputs), split)
        axes = [a for a in range(1, rank + 1) if a != axis]
        x = tf.reshape(_normalize(x, axes, self.epsilon), shape)
        weights = [1] * rank
        weights[axis] = channels
        if self.scale:
            x *= tf.cast(tf.reshape(self.gamma, weights), x.dtype)
        if self.center:
            x += tf.cast(tf.reshape(self.beta, weights), x.dtype)
        return tf.cast(x, self.compute_dtype)


_EXACT = {
    keras.layers.BatchNormalization: keras.layers.BatchNormalization,
    keras.layers.LayerNormalization: ExactLayerNormalization,
    keras.layers.GroupNormalization: ExactGroupNormalization,
}


def all_layers(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers inside a model, and inside those, each once."""
    found: dict[int, keras.layers.Layer] = {}
    waiting: list[Any] = [model]
    while waiting:
        values = list(vars(waiting.pop()).values())
        lists = [v for v in values if isinstance(v, list | tuple)]
        for value in [*values, *(item for part in lists for item in part)]:
            is_layer = isinstance(value, keras.layers.Layer)
            if is_layer and id(value) not in found and value is not model:
                found[id(value)] = value
                waiting.append(value)
    return list(found.values())


def inexact_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers whose second derivatives are wrong in training."""
    exact = (ExactLayerNormalization, ExactGroupNormalization)
    return [
        layer
        for layer in all_layers(model)
        if isinstance(layer, tuple(_EXACT))
        and not isinstance(layer, exact)
        and not getattr(layer, "synchronized", False)
    ]


def warn_if_inexact(model: keras.Model) -> None:
    """Warn, naming layer and remedy, before a gradient penalty goes wrong."""
    for layer in inexact_layers(model):
        warnings.warn(
            f"Layer {layer.name!r} ({type(layer).__name__}) has wrong second "
            "derivatives in TensorFlow, and this defense trains on them; use "
            "tfrobust.layers.with_exact_normalization(model).",
            stacklevel=3,
        )
        return


def with_exact_normalization(model: keras.Model) -> keras.Model:
    """Clone a model with normalisation that is exact to second order.

    Args:
        model: a functional or Sequential Keras model, nested ones included.

    Returns:
        A model of the same architecture, weights and outputs (to rounding).

    Example:

    >>> inputs = keras.Input((4,))
    >>> outputs = keras.layers.LayerNormalization()(inputs)
    >>> model = with_exact_normalization(keras.Model(inputs, outputs))
    >>> type(model.layers[-1]).__name__
    'ExactLayerNormalization'
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        # A function has no config that may be read back; it has no weights.
        if isinstance(layer, keras.layers.Lambda):
            return layer
        config: dict[str, Any] = layer.get_config()
        if type(layer) is keras.layers.BatchNormalization:
            config["synchronized"] = True
        return _EXACT.get(type(layer), type(layer)).from_config(config)

    exact = keras.models.clone_model(
        model, clone_function=clone, recursive=True
    )
    exact.set_weights(model.get_weights())
    return exact
