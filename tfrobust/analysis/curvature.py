"""First and second derivatives by the input, and DS's indicator.

Yu, Liu, Wang and Chen, 2018, Interpreting and evaluating neural network
robustness, https://arxiv.org/abs/1810.00144, section 4 and eq. 9.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.pieces import Arrays
from tfrobust.attacks.pieces import piece
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import LogitsObjective
from tfrobust.objectives import Margin
from tfrobust.records import CurvatureRecord

_LARGEST_FULL = 1024
_TOGETHER = 64
Progress = Callable[[int], None]
Product = Callable[[np.ndarray], np.ndarray]
"""(n, D) vectors -> each example's Hessian times its vector."""


def curvature(
    classifier: keras.Model,
    x: Any,
    y: Any,
    *,
    num_eigenvalues: int = 5,
    num_steps: int = 40,
    near_zero: float = 1e-3,
    seed: int = 0,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> CurvatureRecord:
    """Return Jacobian of the decision function and Hessian of the loss.

    On a network of linear pieces the decision function S has no second
    derivative, so the Hessian is that of the cross-entropy, of rank classes
    - 1 at most there; the record says whether S has one. Eigenvalues are the
    largest by size; up to D = 1,024 from the whole Hessian, above by Lanczos'
    method.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (n, ...), floats; all are done at once.
        y: integer labels, shape (n,).
        num_eigenvalues: of each Hessian; default 5.
        num_steps: of Lanczos' method, at least num_eigenvalues; default 40.
        near_zero: an entry of the Jacobian counts as zero below so much of
            the image's largest; default 0.001.
        seed: of Lanczos' first vector.
        bounds: that images must lie in, as of a `NormBall`; default (0, 1).
        progress: called with so many products of all Hessians with a vector
            each, `num_products` in all.
        model, model_digest, data, provenance: of the record.
    """
    x = check_images(x, bounds=bounds)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    check_integer("num_eigenvalues", num_eigenvalues, minimum=1)
    check_integer("num_steps", num_steps, minimum=num_eigenvalues)
    size = int(np.prod(x.shape[1:]))
    jacobian = input_gradients(classifier, x, tf.constant(y), Margin())
    jacobian = np.abs(jacobian.reshape(len(x), -1)).astype("float64")
    product = hessian_product(classifier, x, y, CrossEntropy())
    rng = np.random.default_rng(seed)
    probe = rng.choice([-1.0, 1.0], size=(len(x), size))
    bends = hessian_product(classifier, x, y, Margin())(probe)
    count = min(num_eigenvalues, size)
    if size <= _LARGEST_FULL:
        values = full_spectrum(product, len(x), size, progress)
        mean_size = float(np.abs(values).mean())
    else:
        values = piece(
            "Lanczos",
            lambda: {"values": lanczos(product, probe, num_steps, progress)},
        )["values"]
        mean_size = None
    order = np.argsort(-np.abs(values), axis=1)[:, :count]
    return CurvatureRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        jacobian_l1=_numbers(jacobian.sum(1)),
        jacobian_l2=_numbers(np.linalg.norm(jacobian, axis=1)),
        mean_jacobian_entry=float(jacobian.mean()),
        near_zero_share=_near_zero(jacobian, near_zero),
        near_zero=near_zero,
        eigenvalues=tuple(
            map(_numbers, np.take_along_axis(values, order, axis=1))
        ),
        mean_eigenvalue_size=mean_size,
        decision_bends=bool(np.any(bends != 0)),
        provenance=provenance or {},
    )


def hessian_product(
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    objective: LogitsObjective,
) -> Product:
    """Return v -> H v at each image, H of an objective by the input.

    Args:
        classifier: a Keras model from images to logits; its layers must have
            right second derivatives, see `layers.with_exact_normalization`.
        x: images, shape (n, ...).
        y: labels, shape (n,).
        objective: a function of the logits.
    """
    images = tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype))
    rows = tf.TensorSpec((None,), tf.int64)

    def build(model: Any) -> Callable:
        def product(x: tf.Tensor, y: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as outer:
                outer.watch(x)
                with tf.GradientTape(watch_accessed_variables=False) as inner:
                    inner.watch(x)
                    values = objective.values(y, model(x, training=False))
                slope = tf.reduce_sum(inner.gradient(values, x) * v)
            return outer.gradient(
                slope, x, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )

        return product

    key = ("hessian", objective, images)
    run = compiled(classifier, key, build, [images, rows, images])
    constants = tf.constant(x), tf.constant(y, tf.int64)

    def product(vectors: np.ndarray) -> np.ndarray:
        v = tf.constant(vectors.reshape(x.shape), x.dtype)
        return run(*constants, v).numpy().reshape(len(x), -1)

    return product


def num_products(size: int, num_steps: int = 40) -> int:
    """Return how many products `curvature` takes for images of D entries."""
    return size if size <= _LARGEST_FULL else num_steps


def full_spectrum(
    product: Product, count: int, size: int, progress: Progress | None = None
) -> np.ndarray:
    """Return all eigenvalues of each Hessian, (n, D), rising."""
    columns = []
    for first in range(0, size, _TOGETHER):
        some = range(first, min(first + _TOGETHER, size))
        found = piece(
            f"columns {first}",
            functools.partial(_columns, product, count, size, some),
        )
        columns.append(found["columns"])
        if progress is not None:
            progress(len(some))
    hessian = np.concatenate(columns, 2).astype("float64")
    return np.linalg.eigvalsh((hessian + hessian.transpose(0, 2, 1)) / 2)


def _columns(product: Product, count: int, size: int, some: range) -> Arrays:
    """Return some of each Hessian's columns, (n, D, some)."""
    columns = []
    for k in some:
        unit = np.zeros((count, size))
        unit[:, k] = 1.0
        columns.append(product(unit))
    return {"columns": np.stack(columns, 2)}


def lanczos(
    product: Product,
    first: np.ndarray,
    num_steps: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """Return Ritz values of each Hessian, (n, steps), rising.

    With every vector kept orthogonal to all before; the ends of the spectrum
    come out first. A subspace that is exhausted gives zeros.

    Args:
        product: v -> H v.
        first: where to begin, (n, D), not zero.
        num_steps: at most D.
        progress: called with 1 after each step; default none.
    """
    count, size = first.shape
    num_steps = min(num_steps, size)
    basis = np.zeros((num_steps, count, size))
    matrix = np.zeros((count, num_steps, num_steps))
    v = first / np.linalg.norm(first, axis=1, keepdims=True)
    for k in range(num_steps):
        basis[k] = v
        w = product(v).astype("float64")
        if progress is not None:
            progress(1)
        matrix[:, k, k] = np.einsum("nd,nd->n", w, v)
        for _ in range(2):  # once is not enough in floats
            along = np.einsum("knd,nd->kn", basis[: k + 1], w)
            w = w - np.einsum("kn,knd->nd", along, basis[: k + 1])
        length = np.linalg.norm(w, axis=1)
        scale = np.abs(matrix[:, : k + 1, : k + 1]).max(axis=(1, 2))
        alive = length > 1e-6 * np.maximum(scale, 1e-30)
        v = (
            np.where(alive, 1.0 / np.where(alive, length, 1.0), 0.0)[:, None]
            * w
        )
        if k + 1 < num_steps:
            matrix[:, k, k + 1] = matrix[:, k + 1, k] = length * alive
    return np.linalg.eigvalsh(matrix)


def _near_zero(jacobian: np.ndarray, share: float) -> float:
    largest = jacobian.max(axis=1, keepdims=True)
    return float(np.mean(jacobian <= share * largest))


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
