"""Make any Keras model a classifier from images in [0, 1] to logits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from tfrobust.inputs import head_activation


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

    Training the classifier trains the layers it shares; the head of `model`
    stays as it was.

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
    x = _features(model, head, x)
    # In the head's own policy, whatever the global one is now.
    policy = head.dtype_policy.name
    x = layers.Identity(name="features", dtype=policy)(x)
    logits = _linear(head)
    z = logits(x)
    if head.units == 1:
        halves = (layers.Rescaling(s, dtype=policy)(z) for s in (-0.5, 0.5))
        z = layers.Concatenate(name="two_logits", dtype=policy)(list(halves))
    classifier = keras.Model(inputs, z, name=f"{model.name}_classifier")
    logits.set_weights(head.get_weights())
    _check_agrees(model, preprocessing, classifier)
    return classifier


def _check_agrees(
    model: keras.Model, preprocessing: Any, classifier: keras.Model
) -> None:
    """Raise `ValueError` unless both give the same probabilities."""
    shape = [size or 32 for size in classifier.input_shape[1:]]
    x = np.random.default_rng(0).uniform(size=(2, *shape)).astype("float32")
    seen = x if preprocessing is None else preprocessing(x)
    (outputs,) = keras.tree.flatten(model(seen))  # it may be a dict of one
    outputs = np.asarray(keras.ops.cast(outputs, "float32"))
    logits = keras.ops.cast(classifier(x), "float32")
    found = np.asarray(keras.ops.softmax(logits))
    head = head_activation(model)
    if head == "linear":
        one = keras.ops.sigmoid if outputs.shape[1] == 1 else keras.ops.softmax
        outputs = np.asarray(one(outputs))
    found = found[:, 1:] if outputs.shape[1] == 1 else found
    half = classifier.compute_dtype in ("float16", "bfloat16")
    if not np.allclose(outputs, found, atol=0.05 if half else 1e-4):
        raise ValueError(
            "The classifier made of `model` does not give its probabilities: "
            "the graph ends in a way that can't be followed; return logits "
            "from the model itself. Received: largest difference "
            f"{np.abs(outputs - found).max():.3g}"
        )


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
    """Return the last Dense, through an activation that can be stripped."""
    last = model.layers[-1]
    head = last
    if isinstance(last, layers.Softmax | layers.Activation):
        head = _before(model, last)
    outer = head_activation(model)
    plain = type(head) is layers.Dense and len(model.output_shape) == 2
    plain = plain and (head is last or head_activation_of(head) == "linear")
    one_unit = plain and head.units == 1
    heads = ("linear", "sigmoid") if one_unit else ("linear", "softmax")
    if isinstance(last, layers.Softmax) and last.axis not in (-1, 1):
        plain = False
    sequential = isinstance(model, keras.Sequential)
    # A layer used in several places shows the tensors of its first use.
    used_once = sequential or last.output is model.outputs[0]
    if not plain or outer not in heads or not used_once:
        raise ValueError(
            "`model` must end in Dense with a softmax, one sigmoid unit or "
            "no activation, used once; a model that gives logits otherwise "
            "is a classifier as it is. Received: last layer "
            f"{last.name!r} ({type(last).__name__}, {outer})"
        )
    return head


def _before(model: keras.Model, last: layers.Layer) -> layers.Layer | None:
    """Return the layer whose output `last` reads, if it is used once."""
    if isinstance(model, keras.Sequential):
        return model.layers[-2] if len(model.layers) > 1 else None
    feeding = [a for a in model.layers if a.output is last.input]
    return feeding[0] if feeding else None


def _features(model: keras.Model, head: layers.Dense, x: Any) -> Any:
    """Return what the head reads, computed from `x` by the model's layers."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers[: model.layers.index(head)]:
            x = layer(x)
        return x
    if head.input is model.inputs[0]:
        return x
    name = f"{model.name}_backbone"
    return keras.Model(model.inputs, head.input, name=name)(x)


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
