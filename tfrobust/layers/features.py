"""What the head of a classifier reads."""

from __future__ import annotations

import weakref

import keras

FEATURES = "features"
_BOTH: weakref.WeakKeyDictionary[keras.Model, keras.Model] = (
    weakref.WeakKeyDictionary()
)


def feature_layer(classifier: keras.Model) -> keras.layers.Layer:
    """Return the layer "features" of a functional model.

    Raises:
        ValueError: where there is none.
    """
    named = [a for a in classifier.layers if a.name == FEATURES]
    if not named:
        raise ValueError(
            "`classifier` must have a layer named 'features', as the "
            "library's networks and as_classifier(model) have it; of a "
            "defense, attack its `.classifier`. "
            f"Received: layers {[a.name for a in classifier.layers]}"
        )
    return named[0]


def with_features(classifier: keras.Model) -> keras.Model:
    """Return a model that gives (features, logits) in one pass.

    Layers are shared; the model is made once for each classifier.
    """
    if classifier not in _BOTH:
        outputs = [feature_layer(classifier).output, classifier.outputs[0]]
        _BOTH[classifier] = keras.Model(classifier.inputs, outputs)
    return _BOTH[classifier]
