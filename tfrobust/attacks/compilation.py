"""One compiled function per (classifier, computation), kept with the model.

The cache holds the classifier weakly, and a concrete function does not hold
the Python it was traced from: a model that nobody uses takes its graphs along.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.layers.exact_normalization import all_layers

_COMPILED: weakref.WeakKeyDictionary[Any, dict[Hashable, Any]] = (
    weakref.WeakKeyDictionary()
)


_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_ARRAYS = (list, tuple, np.ndarray, tf.Tensor)
# What `compile` and `fit` change on a model is no part of its forward pass.
_OF_TRAINING = {
    "compiled",
    "history",
    "loss",
    "optimizer",
    "predict_function",
    "steps_per_execution",
    "stop_evaluating",
    "stop_predicting",
    "stop_training",
    "test_function",
    "train_function",
    "unrolled_steps_per_execution",
}


def compiled(
    classifier: Any,
    key: Hashable,
    build: Callable[[Any], Callable],
    signature: Sequence[Any],
) -> Callable:
    """Return `build(classifier)` as a graph, traced once for each key.

    Args:
        classifier: the model.
        key: everything else that the graph depends on.
        build: maps the classifier to a Python function.
        signature: a `tf.TensorSpec`, or a structure of them, per argument;
            rows are None there, so working sets may shrink.
    """
    state = fingerprint(classifier)
    functions = _COMPILED.setdefault(classifier, {})
    if functions.get("state") != state:
        functions.clear()
        functions["state"] = state
    if key not in functions:
        # A concrete function can't retrace: other shapes are an error.
        functions[key] = tf.function(
            build(classifier),
            input_signature=signature,
            autograph=False,
        ).get_concrete_function()
    return functions[key]


def forget_callables(classifier: Any) -> None:
    """Drop what was compiled of a callable that is no Keras model.

    What such a one closes over can't be seen to have changed, so each attack
    traces it anew.
    """
    if not isinstance(classifier, keras.Model):
        _COMPILED.pop(classifier, None)


def compiled_functions(classifier: Any) -> list[Callable]:
    """Return the functions compiled so far for this classifier."""
    functions = _COMPILED.get(classifier, {})
    return [f for key, f in functions.items() if key != "state"]


def fingerprint(classifier: Any) -> Hashable:
    """Return what a graph has baked in: layers, settings, variables.

    Weights may change under a graph; a layer added, a number or function
    that a layer holds replaced, or a layer quantised may not.
    """
    if not isinstance(classifier, keras.Model):
        return None
    layers = [
        (id(layer), getattr(layer, "quantization_mode", None), _settings(layer))
        for layer in all_layers(classifier)
    ]
    own = _settings(classifier)
    return own, tuple(layers), tuple(map(id, classifier.variables))


def _settings(layer: Any) -> Hashable:
    """Return what numbers and functions a layer's public attributes are."""
    return tuple(
        (name, value if isinstance(value, _PLAIN) else id(value))
        for name, value in vars(layer).items()
        if name[0] != "_"
        and name not in _OF_TRAINING
        and (isinstance(value, (*_PLAIN, *_ARRAYS)) or callable(value))
    )
