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
import tensorflow as tf

from tfrobust.layers.exact_normalization import all_layers

_COMPILED: weakref.WeakKeyDictionary[Any, dict[Hashable, Any]] = (
    weakref.WeakKeyDictionary()
)


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
    state = _fingerprint(classifier)
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


def compiled_functions(classifier: Any) -> list[Callable]:
    """Return the functions compiled so far for this classifier."""
    functions = _COMPILED.get(classifier, {})
    return [f for key, f in functions.items() if key != "state"]


def _fingerprint(classifier: Any) -> Hashable:
    """Return what a graph has baked in: layers, activations, variables.

    Weights may change under a graph; a layer added, an activation replaced
    or a layer quantised may not.
    """
    if not isinstance(classifier, keras.Model):
        return None
    layers = [
        (
            id(layer),
            id(getattr(layer, "activation", None)),
            getattr(layer, "quantization_mode", None),
        )
        for layer in all_layers(classifier)
    ]
    return tuple(layers), tuple(map(id, classifier.variables))
