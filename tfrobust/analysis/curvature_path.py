"""How the loss bends on the way from an image to its adversarial point.

Yu, Liu, Wang and Chen, 2018, Interpreting and evaluating neural network
robustness, https://arxiv.org/abs/1810.00144, section 4 with Fig. 5, 8 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks import Attack
from tfrobust.attacks import AttackResult
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.pieces import attacked
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_images
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.serialization import describe

_EXAMPLE = 'PGD(NormBall("inf", epsilon=0.1))'
# A loss that doesn't depend on the input has derivatives: zero.
_ZERO = {"unconnected_gradients": tf.UnconnectedGradients.ZERO}


def curvature_along(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attack: Attack,
    *,
    num_points: int = 11,
    num_images: int = 4,
    batch_size: int = 250,
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> CurvaturePathRecord:
    """Return loss, its derivatives and S on the lines from x to x_adv.

    With u = (x_adv - x) / ||x_adv - x||_2 the derivatives are u' grad L and
    u' H u, H the Hessian of the cross-entropy by the input; the decision
    function is S = z_y - max of the other logits. Images that are wrong at
    first, or where the attack stayed, have no line. An attack towards the
    least likely class is one whose objective is `Targeted()`.

    Args:
        classifier: a Keras model from images to logits; its layers must have
            right second derivatives, see `layers.with_exact_normalization`.
        x: images in the attack's bounds, shape (n, ...), floats.
        y: integer labels, shape (n,).
        attack: what chooses x_adv.
        num_points: places on a line, its ends among them; default 11.
        num_images: the first so many that have a line are kept, with the
            Jacobian of S there; default 4.
        batch_size: images at a time; default 250.
        progress: called with the number of images after each batch that the
            attack has done.
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: where no image has a line.
    """
    check_integer("num_points", num_points, minimum=2)
    check_integer("num_images", num_images, minimum=0)
    check_type("attack", attack, Attack, example=_EXAMPLE)
    x = check_images(x, bounds=attack.threat_model.bounds)
    run: Any = {"batch_size": batch_size, "progress": progress}
    result = attacked("attack", attack, classifier, x, y, **run)
    kept = _with_a_line(result, x)
    x, x_adv, y = x[kept], result.x_adv[kept], result.y[kept]
    units, lengths = _directions(x, x_adv)
    places = np.linspace(0.0, 1.0, num_points)
    values = _along(classifier, x, x_adv, y, units, places, batch_size)
    loss, decision, slope, curvature = map(_rows, values)
    shown = slice(num_images)
    return CurvaturePathRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(result.y),
        attack=describe(attack),
        examples=tuple(kept.tolist()),
        labels=tuple(y.tolist()),
        lengths=tuple(lengths.tolist()),
        places=tuple(places.tolist()),
        loss=loss,
        decision=decision,
        slope=slope,
        curvature=curvature,
        image_shape=tuple(x.shape[1:]),
        images=_rows(x[shown]),
        deltas=_rows((x_adv - x)[shown]),
        jacobians=_rows(_jacobians(classifier, x[shown], y[shown])),
        provenance=provenance or {},
    )


def _with_a_line(result: AttackResult, x: np.ndarray) -> np.ndarray:
    """Return which images are right at first and were moved, rising."""
    right = result.clean_predictions == result.y
    moved = np.any((result.x_adv != x).reshape(len(x), -1), axis=1)
    kept = np.flatnonzero(right & moved)
    if not kept.size:
        raise ValueError(
            "Some image must be right at first and moved by the attack. "
            f"Received: {len(x)} images, {np.count_nonzero(right)} right and "
            f"{np.count_nonzero(moved)} moved"
        )
    return kept


def _directions(
    x: np.ndarray, x_adv: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors from x to x_adv, of x's shape, and distances."""
    delta = x_adv.astype("float64") - x
    lengths = np.linalg.norm(delta.reshape(len(x), -1), axis=1)
    shape = (-1, *[1] * (x.ndim - 1))
    return (delta / lengths.reshape(shape)).astype(x.dtype), lengths


def _jacobians(
    classifier: keras.Model, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return the decision function's, which is minus the margin."""
    return -input_gradients(classifier, x, tf.constant(y), Margin())


def _along(
    classifier: keras.Model,
    x: np.ndarray,
    x_adv: np.ndarray,
    y: np.ndarray,
    units: np.ndarray,
    places: np.ndarray,
    batch_size: int,
) -> np.ndarray:
    """Return loss, S, slope and second derivative, (4, n, places)."""
    look = _derivatives(classifier, x)
    found = np.zeros((4, len(x), len(places)))
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        batch = [tf.constant(t[part]) for t in (x, x_adv, y, units)]
        for column, place in enumerate(places):
            found[:, part, column] = look(*batch, tf.constant(place, x.dtype))
    return found


def _derivatives(classifier: keras.Model, x: np.ndarray) -> Callable:
    """Return a graph: x, x_adv, y, u, t -> the four numbers at t."""

    def build(model: Any) -> Callable:
        def run(
            x: tf.Tensor,
            x_adv: tf.Tensor,
            y: tf.Tensor,
            u: tf.Tensor,
            t: tf.Tensor,
        ) -> tuple[tf.Tensor, ...]:
            # Exactly x and x_adv at the ends.
            point = (1 - t) * x + t * x_adv
            # A number per image, so that no gradient of x's size is kept.
            s = tf.zeros(tf.shape(x)[:1], x.dtype)
            with tf.GradientTape(watch_accessed_variables=False) as outer:
                outer.watch(s)
                with tf.GradientTape(watch_accessed_variables=False) as inner:
                    inner.watch(s)
                    step = tf.reshape(s, [-1] + [1] * (len(x.shape) - 1)) * u
                    logits = model(point + step, training=False)
                    loss = cross_entropy(y, logits)
                slope = inner.gradient(loss, s, **_ZERO)
            curvature = outer.gradient(slope, s, **_ZERO)
            return loss, -margin(y, logits), slope, curvature

        return run

    images = tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype))
    rows = tf.TensorSpec((None,), tf.int64)
    signature = [images, images, rows, images, tf.TensorSpec((), images.dtype)]
    return compiled(classifier, ("line", images), build, signature)


def _rows(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return numbers, a row per image."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    return tuple(map(tuple, flat.astype("float64").tolist()))
