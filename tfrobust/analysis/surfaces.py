"""Loss and decision function on a plane through an image.

Yu, Liu, Wang and Chen, 2018, Interpreting and evaluating neural network
robustness, https://arxiv.org/abs/1810.00144, sections 2 and 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_type
from tfrobust.attacks import GradientAttack
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import LeastLikely
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.objectives import Targeted
from tfrobust.records import SurfaceRecord


def input_surface(
    classifier: keras.Model,
    x: np.ndarray,
    y: int,
    axes: Mapping[str, np.ndarray],
    *,
    reach: float,
    resolution: int = 41,
    paths: Mapping[str, np.ndarray] | None = None,
    batch_size: int = 250,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    example: int = 0,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> SurfaceRecord:
    """Return loss and decision function at x + i u + j v.

    The decision function is S = z_y - max of the other logits: the image is
    classified correctly where it is positive. Points may leave the box.

    Args:
        classifier: a Keras model from images to logits.
        x: one image, without a batch axis.
        y: its label.
        axes: two names -> directions u, v of `x`'s shape.
        reach: i and j go from -reach to reach, positive.
        resolution: points along each, at least 2; default 41.
        paths: name -> images (steps, ...) whose place on the plane, by least
            squares, is recorded.
        batch_size: points at a time; default 250.
        bounds: that images must lie in, as of a `NormBall`; default (0, 1).
        example: which image it is, for the record; default 0.
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: for axes that span no plane, or paths of other images.
    """
    check_positive("reach", reach)
    check_integer("resolution", resolution, minimum=2)
    check_integer("batch_size", batch_size, minimum=1)
    x = check_images(np.asarray(x)[None], bounds=bounds)[0]
    check_classifier(classifier, x[None])
    classes = predict_logits(classifier, x[None]).shape[1]
    label = check_labels([y], num_examples=1, num_classes=classes)[0]
    plane = _plane(x, axes)
    _check_paths(x, paths or {})
    steps = np.linspace(-reach, reach, resolution)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1)
    grid = grid.reshape(-1, 2)
    logits = np.concatenate(
        [
            predict_logits(
                classifier,
                _points(x, plane, grid[start : start + batch_size]),
                batch_size=batch_size,
            )
            for start in range(0, len(grid), batch_size)
        ]
    )
    labels = tf.fill((len(grid),), tf.constant(label, tf.int64))
    shape = (resolution, resolution)
    loss = cross_entropy(labels, tf.constant(logits)).numpy().reshape(shape)
    decision = -margin(labels, tf.constant(logits)).numpy().reshape(shape)
    first, second = axes
    return SurfaceRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        example=example,
        label=int(label),
        axes=(first, second),
        coordinates=tuple(float(step) for step in steps),
        loss=_rows(loss),
        decision=_rows(decision),
        paths={
            name: _rows(_places(x, plane, images))
            for name, images in (paths or {}).items()
        },
        provenance=provenance or {},
    )


def random_axis(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return random signs: a direction of length 1 in l-infinity."""
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], size=shape).astype("float32")


def loss_axis(classifier: keras.Model, x: np.ndarray, y: int) -> np.ndarray:
    """Return the signs of the loss gradient: FGSM's direction."""
    return _sign_axis(classifier, x, y, CrossEntropy())


def least_likely_axis(
    classifier: keras.Model, x: np.ndarray, y: int
) -> np.ndarray:
    """Return the signs that lead to the least likely class."""
    return _sign_axis(classifier, x, y, Targeted(targets=LeastLikely()))


def trajectory(
    classifier: keras.Model, x: np.ndarray, y: int, attack: GradientAttack
) -> np.ndarray:
    """Return an attack's iterates from x on, (num_steps + 1, ...).

    Args:
        classifier: a Keras model from images to logits.
        x: one image, without a batch axis.
        y: its label.
        attack: whose step length stays what it is.
    """
    points = [x]
    size = attack.step_length
    for count in range(1, attack.num_steps + 1):
        changes: dict[str, Any] = {
            "num_steps": count,
            "step_size": size,
            "keep_best": False,
        }
        part = dataclasses.replace(attack, **changes)  # type: ignore[type-var]
        points.append(part(classifier, x[None], [y]).x_adv[0])
    return np.stack(points)


def _sign_axis(
    classifier: keras.Model, x: np.ndarray, y: int, objective: Objective
) -> np.ndarray:
    logits = predict_logits(classifier, x[None])
    labels = objective.labels(tf.constant([y], tf.int64), tf.constant(logits))
    return np.sign(input_gradients(classifier, x[None], labels, objective)[0])


def _plane(x: np.ndarray, axes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the two directions as columns, (D, 2)."""
    check_type("axes", axes, Mapping, example='{"loss": u, "random": v}')
    shapes = {np.shape(axis) for axis in axes.values()}
    if len(axes) != 2 or shapes != {x.shape}:
        raise ValueError(
            f"`axes` must be two directions of shape {x.shape}. "
            f"Received: {len(axes)} of shape {shapes}"
        )
    plane = np.stack([np.ravel(a) for a in axes.values()], 1).astype("float64")
    if not np.isfinite(plane).all():
        raise ValueError(
            f"`axes` must be finite. Received: {', '.join(axes)}, of which "
            "one is not"
        )
    if np.linalg.matrix_rank(plane) < 2:
        raise ValueError(
            f"`axes` must span a plane. Received: {', '.join(axes)}, of which "
            "one is a multiple of the other"
        )
    return plane


def _check_paths(x: np.ndarray, paths: Mapping[str, np.ndarray]) -> None:
    check_type("paths", paths, Mapping, example='{"bim": images}')
    for name, images in paths.items():
        if np.shape(images)[1:] != x.shape:
            raise ValueError(
                f"A path must be images of shape {x.shape}, (steps, ...). "
                f"Received: {name} of shape {np.shape(images)}"
            )


def _points(x: np.ndarray, plane: np.ndarray, at: np.ndarray) -> np.ndarray:
    moved = (at @ plane.T).reshape(-1, *x.shape)
    return (x + moved).astype(x.dtype)


def _places(x: np.ndarray, plane: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return where on the plane images are nearest to, (steps, 2)."""
    moved = (images - x).reshape(len(images), -1)
    return np.linalg.lstsq(plane, moved.T.astype("float64"), rcond=None)[0].T


def _rows(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, np.round(values.astype("float64"), 6).tolist()))
