"""A head whose classes are the vertices of a simplex.

Pang et al., 2018, Max-Mahalanobis linear discriminant analysis networks,
https://arxiv.org/abs/1802.09308
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.layers.features import feature_layer
from tfrobust.layers.features import FEATURES


def max_mahalanobis_centers(num_classes: int, width: int) -> np.ndarray:
    """Return unit vectors with mutual inner products -1 / (num_classes - 1).

    Args:
        num_classes: L, at least 2.
        width: p, at least L - 1.

    Returns:
        float64 array of shape (L, p).
    """
    check_integer("num_classes", num_classes, minimum=2)
    if width < num_classes - 1:
        raise ValueError(
            f"{num_classes} centres need features of width "
            f"{num_classes - 1} or more. Received: width={width}"
        )
    centers = np.zeros((num_classes, width))
    centers[0, 0] = 1.0
    for i in range(1, num_classes):
        for j in range(i):
            product = centers[i] @ centers[j]
            if centers[j, j] > 0:
                centers[i, j] = -(1 / (num_classes - 1) + product)
                centers[i, j] /= centers[j, j]
        # The last one needs no axis of its own, and its root may round to NaN.
        if i < num_classes - 1:
            centers[i, i] = np.sqrt(max(0.0, 1.0 - centers[i] @ centers[i]))
    return centers


@keras.saving.register_keras_serializable("tfrobust.layers")
class MaxMahalanobisHead(layers.Layer):
    """Logits -||phi - mu_k||^2 from features phi, mu_k fixed centres.

    Args:
        num_classes: L, at least 2.
        center_norm: ||mu_k||, positive; default 10, the authors' code (whose
            paper calls the square of the norm C_MM).

    Call arguments:
        inputs: linear features, shape (batch, p), p >= L - 1. With rectified
            ones the last class can't be reached.

    Returns:
        Logits, shape (batch, L), at most 0.
    """

    def __init__(
        self, num_classes: int, *, center_norm: float = 10.0, **kwargs: Any
    ) -> None:
        # Distances to centres of norm 10 need float32 under any policy.
        policy = keras.config.dtype_policy().variable_dtype
        kwargs.setdefault("dtype", policy)
        super().__init__(**kwargs)
        check_integer("num_classes", num_classes, minimum=2)
        check_positive("center_norm", center_norm)
        self.num_classes = num_classes
        self.center_norm = center_norm

    def build(self, input_shape: Any) -> None:
        """Make the centres."""
        width = input_shape[-1]
        centers = max_mahalanobis_centers(self.num_classes, width)
        self.centers = self.add_weight(
            name="centers",
            shape=centers.shape,
            initializer=lambda shape, dtype: tf.constant(
                self.center_norm * centers, dtype
            ),
            trainable=False,
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return logits, shape (batch, L)."""
        centers = tf.convert_to_tensor(self.centers)
        products = tf.matmul(inputs, centers, transpose_b=True)
        own = tf.reduce_sum(tf.square(inputs), axis=1, keepdims=True)
        return 2.0 * products - own - self.center_norm**2

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return (batch, L)."""
        return (input_shape[0], self.num_classes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "num_classes": self.num_classes,
            "center_norm": self.center_norm,
        }


def with_max_mahalanobis_head(
    classifier: keras.Model, *, width: int = 256, center_norm: float = 10.0
) -> keras.Model:
    """Return a classifier with a linear feature layer and this head.

    The layers up to the old features are shared; the old head is dropped.

    Args:
        classifier: a functional model with a layer "features", as
            `as_classifier` and the library's networks have it.
        width: p, of the linear features, at least one less than there are
            classes; default 256 (the authors' ResNet v2).
        center_norm: see `MaxMahalanobisHead`.

    Example:

    >>> network = tfrobust.architectures.dense_network((4,), 3)
    >>> model = with_max_mahalanobis_head(network, width=8)
    >>> [layer.name for layer in model.layers][-2:]
    ['features', 'logits']
    """
    num_classes = classifier.output_shape[-1]
    backbone = keras.Model(
        classifier.inputs,
        feature_layer(classifier).output,
        name=f"{classifier.name}_backbone",
    )
    inputs = keras.Input(classifier.input_shape[1:], name="images")
    # He's, as the authors' code has it.
    features = layers.Dense(
        width, name=FEATURES, kernel_initializer="he_normal"
    )(backbone(inputs))
    head = MaxMahalanobisHead(
        num_classes, center_norm=center_norm, name="logits"
    )
    name = f"{classifier.name}_max_mahalanobis"
    return keras.Model(inputs, head(features), name=name)


def with_linear_head(classifier: keras.Model) -> keras.Model:
    """Return the MAT transformation: plain logits phi . mu_k, no bias.

    The features are shared, the predictions are the same, and no quadratic
    head stands between an attack and the gradient.

    Args:
        classifier: one that ends in `MaxMahalanobisHead`.
    """
    head = max_mahalanobis_head(classifier)
    features = feature_layer(classifier).output
    logits = layers.Dense(
        head.num_classes, use_bias=False, name="logits", dtype=head.dtype
    )
    model = keras.Model(
        classifier.inputs, logits(features), name=f"{classifier.name}_linear"
    )
    logits.set_weights([keras.ops.convert_to_numpy(head.centers).T])
    return model


def max_mahalanobis_head(classifier: keras.Model) -> MaxMahalanobisHead:
    """Return the head of a classifier, or raise `ValueError`."""
    head = classifier.layers[-1]
    if not isinstance(head, MaxMahalanobisHead):
        raise ValueError(
            "The classifier must end in MaxMahalanobisHead; tfrobust.layers."
            "with_max_mahalanobis_head(classifier) makes one, to be trained. "
            f"Received: last layer {head.name!r} ({type(head).__name__})"
        )
    return head
