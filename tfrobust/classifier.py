"""Make any Keras model a classifier from images in [0, 1] to logits."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tfrobust.inputs import head_activation

_HEADS = ("linear", "softmax", "sigmoid")


def as_classifier(model: keras.Model, preprocessing: Any = None) -> keras.Model:
    """Return a Keras model from images in [0, 1] to logits.

    A final softmax is stripped; one unit, with a sigmoid or without, becomes
    the two logits (-z/2, z/2), whose softmax is (1 - sigmoid(z), sigmoid(z)).
    The tensor the head reads becomes a layer called "features". Layers and
    weights are shared with `model`, but for the head, whose values are
    copied.

    Args:
        model: a built functional or Sequential model that ends in `Dense`,
            or `Dense` and a softmax or sigmoid layer.
        preprocessing: what the model expects to be done to images in
            [0, 1] first: a Keras layer, or a function of a tensor such as
            `lambda x: keras.applications.resnet50.preprocess_input(255 * x)`.
            A layer is saved with the model, a lambda needs `safe_mode=False`
            to load. Default none.

    Returns:
        A functional model; outputs of shape (batch, num_classes), 2 classes
        or more.

    Raises:
        ValueError: for a model that isn't built, has several inputs or
            outputs, or ends in something else.

    Example:

    >>> inputs = keras.Input((8,))
    >>> outputs = keras.layers.Dense(3, activation="softmax")(inputs)
    >>> classifier = as_classifier(keras.Model(inputs, outputs))
    >>> [layer.name for layer in classifier.layers][1:]
    ['features', 'logits']
    """
    _check_graph(model)
    head = _dense_head(model)
    inputs = keras.Input(model.input_shape[1:], name="images")
    x = inputs if preprocessing is None else _apply(preprocessing, inputs)
    features = head.input
    if features is not model.inputs[0]:
        backbone = keras.Model(
            model.inputs, features, name=f"{model.name}_backbone"
        )
        x = backbone(x)
    x = layers.Identity(name="features")(x)
    logits = _linear(head)
    z = logits(x)
    if head.units == 1:
        z = layers.Concatenate(name="two_logits")(
            [layers.Rescaling(-0.5)(z), layers.Rescaling(0.5)(z)]
        )
    classifier = keras.Model(inputs, z, name=f"{model.name}_classifier")
    logits.set_weights(head.get_weights())
    return classifier


def _check_graph(model: Any) -> None:
    graph = isinstance(model, keras.Model) and model.built
    graph = graph and len(getattr(model, "inputs", None) or ()) == 1
    graph = graph and len(getattr(model, "outputs", None) or ()) == 1
    if not graph:
        raise ValueError(
            "`model` must be a built functional or Sequential Keras model "
            "with one input and one output; a subclassed model serves as it "
            f"is if it returns logits. Received: model={model!r}"
        )


def _dense_head(model: keras.Model) -> layers.Dense:
    """Return the last Dense, through activations that can be stripped."""
    last = model.layers[-1]
    strippable = (layers.Softmax, layers.Activation)
    if isinstance(last, strippable) and len(model.layers) > 1:
        before = model.layers[-2]
    else:
        before = last
    plain = isinstance(before, layers.Dense) and (
        before is last or head_activation_of(before) == "linear"
    )
    known = head_activation(model) in _HEADS
    one_unit = plain and before.units == 1
    sigmoid_of_many = head_activation(model) == "sigmoid" and not one_unit
    if not plain or not known or sigmoid_of_many:
        raise ValueError(
            "`model` must end in Dense with a softmax, one sigmoid unit or "
            "no activation, or give logits by itself. Received: last layer "
            f"{last.name!r} ({type(last).__name__}, {head_activation(model)})"
        )
    return before


def head_activation_of(layer: keras.layers.Layer) -> str:
    """Return the name of a layer's own activation."""
    return getattr(layer.activation, "__name__", type(layer).__name__)


def _linear(head: layers.Dense) -> layers.Dense:
    config = head.get_config() | {"activation": "linear", "name": "logits"}
    return layers.Dense.from_config(config)


def _apply(preprocessing: Any, inputs: Any) -> Any:
    if isinstance(preprocessing, layers.Layer):
        return preprocessing(inputs)
    return layers.Lambda(preprocessing, name="preprocessing")(inputs)
