"""Models that hide their gradients on purpose, to test who looks for it."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfrobust.experiments")
class Quantized(keras.layers.Layer):
    """Round pixels to nine levels: no gradient anywhere."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return rounded images."""
        return tf.round(8.0 * x) / 8.0


@keras.saving.register_keras_serializable("tfrobust.experiments")
class Randomized(keras.layers.Layer):
    """Add Gaussian noise of 0.3 in every pass: no gradient twice."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return noisy images."""
        return x + tf.random.normal(tf.shape(x), stddev=0.3)


@keras.saving.register_keras_serializable("tfrobust.experiments")
class Rippled(keras.layers.Layer):
    """Add 0.03 sin(400 x): a gradient that points anywhere."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return rippled images."""
        return x + 0.03 * tf.sin(400.0 * x)


def behind(layer: keras.layers.Layer, classifier: keras.Model) -> keras.Model:
    """Return the classifier of what the layer makes of an image."""
    images = keras.Input(classifier.input_shape[1:])
    return keras.Model(images, classifier(layer(images)))


def saturated(classifier: keras.Model, factor: float) -> keras.Model:
    """Return the classifier with its logits multiplied."""
    logits = keras.layers.Rescaling(factor)(classifier.output)
    return keras.Model(classifier.input, logits)


def masked(classifier: keras.Model) -> dict[str, keras.Model]:
    """Return a classifier masked in each way, by name."""
    return {
        "saturated logits, x 1000": saturated(classifier, 1000.0),
        "quantised input": behind(Quantized(), classifier),
        "randomised input": behind(Randomized(), classifier),
        "shattered gradients": behind(Rippled(), classifier),
    }
