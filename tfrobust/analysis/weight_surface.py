"""Loss and accuracy on a plane through a model's weights.

Li, Xu, Taylor, Studer and Goldstein, 2018, Visualizing the loss landscape of
neural nets, https://arxiv.org/abs/1712.09913, section 4; Yu, Liu, Wang and
Chen, 2018, https://arxiv.org/abs/1810.00144, Fig. 1 and 2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.pieces import Arrays
from tfrobust.attacks.pieces import piece
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.layers.exact_normalization import all_layers
from tfrobust.objectives import cross_entropy
from tfrobust.records.landscapes import WeightSurfaceRecord

Direction = list[np.ndarray]
"""An array per trainable variable, of its shape and dtype."""
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
_TRANSPOSED = (
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)


def weight_surface(
    classifier: keras.Model,
    x: Any,
    y: Any,
    *,
    resolution: int = 21,
    reach: float = 1.0,
    seed: int = 0,
    batch_size: int = 250,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> WeightSurfaceRecord:
    """Return mean loss and accuracy at theta + a d1 + b d2.

    d1 and d2 are random, see `weight_direction`. The sums are taken inside
    the graph: the classifier is never written to.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (n, ...), floats.
        y: integer labels, shape (n,).
        resolution: values of a and of b, odd so that the weights themselves
            are among them; default 21.
        reach: a and b go from -reach to reach, in norms of the filters;
            positive, default 1.
        seed: of the directions, in [0, 2**32); the same seed gives networks
            of one architecture the same ones, up to the filters' norms.
        batch_size: images at a time; default 250.
        bounds: that images must lie in, as of a `NormBall`; default (0, 1).
        progress: called with `resolution` after each of so many rows.
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: for an even `resolution`, or a classifier without
            trainable weights of two axes or more.
    """
    _check_grid(resolution, reach)
    check_seed(seed)
    check_integer("batch_size", batch_size, minimum=1)
    x, y = _check_data(classifier, x, y, bounds)
    directions = [weight_direction(classifier, seed, k) for k in (0, 1)]
    look = _at_places(classifier, x, y, directions, batch_size)
    half = resolution // 2
    steps = reach * np.arange(-half, half + 1) / half
    loss = np.zeros((resolution, resolution))
    accuracy = np.zeros_like(loss)
    for row, a in enumerate(steps):
        found = piece(f"row {row}", functools.partial(_row, look, a, steps))
        loss[row], accuracy[row] = found["loss"], found["accuracy"]
        if progress is not None:
            progress(resolution)
    return WeightSurfaceRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        seed=int(seed),
        coordinates=tuple(steps.tolist()),
        loss=tuple(tuple(map(_finite, row)) for row in loss.tolist()),
        accuracy=tuple(map(tuple, accuracy.tolist())),
        provenance=provenance or {},
    )


def weight_direction(
    classifier: keras.Model, seed: int, stream: int = 0
) -> Direction:
    """Return a random direction in a model's space of weights.

    Gaussian, then each filter scaled to the norm of the same filter of the
    weights: d_ij <- d_ij / ||d_ij|| * ||theta_ij||. A filter is what makes
    one output channel. Weights of one axis (biases, normalisation) do not
    move, as in the authors' figures.

    Args:
        classifier: a built Keras model.
        seed, stream: of the direction; default of `stream` 0.

    Returns:
        Arrays in the order of `classifier.trainable_variables`.

    Example:

    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, layers.Dense(2)(inputs))
    >>> kernel, bias = weight_direction(model, seed=0)
    >>> own = model.trainable_variables[0].numpy()
    >>> bool(np.allclose((kernel**2).sum(0), (own**2).sum(0)))
    True
    >>> bias
    array([0., 0.], dtype=float32)
    """
    rng = np.random.default_rng([seed, stream])
    channels = _channel_axes(classifier)
    found = []
    for variable in classifier.trainable_variables:
        weights = tf.convert_to_tensor(variable).numpy()
        noise = rng.normal(size=weights.shape)
        axes = channels.get(id(variable), (-1,))
        found.append(_filter_normalized(noise, weights, axes))
    return found


def _filter_normalized(
    noise: np.ndarray, weights: np.ndarray, channels: Sequence[int]
) -> np.ndarray:
    """Scale `noise` so that along the other axes it is as long as `weights`."""
    if weights.ndim < 2:
        return np.zeros_like(weights)
    kept = {axis % weights.ndim for axis in channels}
    axes = tuple(set(range(weights.ndim)) - kept)
    own = weights.astype("float64")
    norm = np.sqrt(np.square(own).sum(axes, keepdims=True))
    scale = norm / np.sqrt(np.square(noise).sum(axes, keepdims=True))
    return (noise * scale).astype(weights.dtype)


def _channel_axes(classifier: keras.Model) -> dict[int, tuple[int, ...]]:
    """Return id of a kernel -> its output axes, where not the last alone."""
    found: dict[int, tuple[int, ...]] = {}
    for layer in all_layers(classifier):
        if isinstance(layer, _DEPTHWISE):
            found[id(layer.kernel)] = (-2, -1)
        elif isinstance(layer, _SEPARABLE):
            found[id(layer.depthwise_kernel)] = (-2, -1)
        elif isinstance(layer, _TRANSPOSED):
            found[id(layer.kernel)] = (-2,)
    return found


def _row(look: Callable, a: float, steps: np.ndarray) -> Arrays:
    """Return loss and accuracy along a row of the grid."""
    loss, accuracy = zip(*(look(a, b) for b in steps), strict=True)
    return {"loss": np.array(loss), "accuracy": np.array(accuracy)}


def _at_places(
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    directions: Sequence[Direction],
    batch_size: int,
) -> Callable[[float, float], tuple[float, float]]:
    """Return (a, b) -> mean loss and accuracy."""
    plane = [tf.constant(np.stack(d)) for d in zip(*directions, strict=True)]
    outcomes = _outcomes(classifier, x, plane)
    batches = [
        (tf.constant(x[k : k + batch_size]), tf.constant(y[k : k + batch_size]))
        for k in range(0, len(x), batch_size)
    ]

    def look(a: float, b: float) -> tuple[float, float]:
        place = tf.constant([a, b], tf.float64)
        found = [outcomes(*batch, place, plane) for batch in batches]
        loss, right = map(np.concatenate, zip(*found, strict=True))
        return float(loss.mean(dtype="float64")), float(right.mean())

    return look


def _outcomes(
    classifier: keras.Model, x: np.ndarray, plane: list[tf.Tensor]
) -> Callable:
    """Return a graph: each image's loss and whether it is right, there."""
    variables = classifier.trainable_variables

    def build(model: Any) -> Callable:
        def run(
            x: tf.Tensor, y: tf.Tensor, place: tf.Tensor, plane: list[tf.Tensor]
        ) -> tuple[tf.Tensor, tf.Tensor]:
            moved = [
                (v, v + tf.tensordot(tf.cast(place, d.dtype), d, 1))
                for v, d in zip(variables, plane, strict=True)
            ]
            with keras.StatelessScope(state_mapping=moved):
                logits = model(x, training=False)
            loss = cross_entropy(y, logits)
            right = tf.argmax(logits, 1, output_type=y.dtype) == y
            return loss, right & tf.math.is_finite(loss)

        return run

    images = tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype))
    rows = tf.TensorSpec((None,), tf.int64)
    weights = [tf.TensorSpec(d.shape, d.dtype) for d in plane]
    signature = [images, rows, tf.TensorSpec((2,), tf.float64), weights]
    # Which variables are trainable is no part of a model's fingerprint.
    key = ("weight surface", images, tuple(map(id, variables)))
    return compiled(classifier, key, build, signature)


def _check_grid(resolution: int, reach: float) -> None:
    check_positive("reach", reach)
    check_integer("resolution", resolution, minimum=3)
    if resolution % 2 == 0:
        raise ValueError(
            "`resolution` must be odd, so that the weights themselves lie on "
            f"the grid. Received: resolution={resolution}"
        )


def _check_data(
    classifier: keras.Model,
    x: Any,
    y: Any,
    bounds: tuple[float, float] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels; the classifier is built afterwards."""
    example = "tfrobust.as_classifier(model)"
    check_type("classifier", classifier, keras.Model, example=example)
    x = check_images(x, bounds=bounds)
    check_classifier(classifier, x)
    logits = predict_logits(classifier, x[:1])
    check_logits(logits)
    if all(v.ndim < 2 for v in classifier.trainable_variables):
        raise ValueError(
            "`classifier` must have trainable weights of two axes or more. "
            f"Received: {len(classifier.trainable_variables)} trainable "
            "variables, none of them"
        )
    classes = logits.shape[1]
    return x, check_labels(y, num_examples=len(x), num_classes=classes)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
