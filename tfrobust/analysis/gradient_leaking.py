"""How much of a gradient lies in the images' principal components.

Li, Cheng, Su and Zhu, 2020, Defense against adversarial attacks via
controlling gradient leaking on embedded manifolds, ECCV, eq. 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.attacks import Attack
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.pieces import attacked
from tfrobust.attacks.pieces import check_attacks
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.principal_components import PrincipalComponents
from tfrobust.records import LeakingRecord
from tfrobust.serialization import describe


def gradient_leaking(
    classifier: keras.Model,
    x: Any,
    y: Any,
    components: PrincipalComponents,
    attacks: Mapping[str, Attack] | None = None,
    *,
    batch_size: int = 250,
    progress: Callable[[str, int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> LeakingRecord:
    """Return the mean share of gradients in the first d components.

    alpha_d(g) = sum_{i <= d} (g' v_i)^2 / ||g||^2, its mean over examples,
    for d = 1, 2, ...: of the loss gradient, of the images about their mean,
    and of the perturbations that break correctly classified images. Where
    eigenvalues d and d + 1 are equal, alpha_d is that of a chosen basis.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...), floats in [0, 1].
        y: integer labels, shape (batch,).
        components: of the training images; as many as are wanted.
        attacks: name -> attack whose perturbations are looked at.
        batch_size: examples at a time; default 250.
        progress: called with (attack name, examples done).
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: for images of another size than the components.
    """
    check_attacks(attacks or {})
    x = check_images(x)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    size = int(np.prod(x.shape[1:]))
    if components.mean.shape != (size,):
        raise ValueError(
            f"`components` must be of images of {size} entries. "
            f"Received: {components.mean.shape[0]}"
        )
    gradients = input_gradients(
        classifier, x, tf.constant(y), CrossEntropy(), batch_size=batch_size
    )
    found = {
        "loss gradient": gradients,
        "image": x.reshape(len(x), -1) - components.mean,
    }
    norms = {}
    for name, attack in (attacks or {}).items():
        result = attacked(
            name,
            attack,
            classifier,
            x,
            y,
            batch_size=batch_size,
            progress=_named(progress, name),
        )
        broken = result.success & (result.clean_predictions == y)
        found[f"perturbation by {name}"] = (result.x_adv - x)[broken]
        norms[name] = tuple(result.perturbation_norm[broken].tolist())
    vectors = components.eigenvectors
    flat = gradients.reshape(len(x), -1).astype("float64")
    return LeakingRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        eigenvalues=tuple(components.eigenvalues.tolist()),
        energy=tuple(components.energy.tolist()),
        shares={n: mean_shares(v, vectors) for n, v in found.items()},
        counts={n: _count(v) for n, v in found.items()},
        mean_gradient_norm=float(np.linalg.norm(flat, axis=1).mean()),
        perturbation_norms=norms,
        settings={n: describe(a) for n, a in (attacks or {}).items()},
        provenance=provenance or {},
    )


def mean_shares(vectors: np.ndarray, basis: np.ndarray) -> tuple[float, ...]:
    """Return the mean of alpha_d over vectors, for d = 1, 2, ...

    A vector of zeros has no direction and doesn't count; without any vector
    the shares are zero.

    Args:
        vectors: shape (n, ...).
        basis: orthonormal columns, shape (D, k).

    Example:

    >>> mean_shares(np.array([[3.0, 4.0]]), np.eye(2))
    (0.36, 1.0)
    """
    flat = _flat(vectors).astype("float64")
    # The largest entry first: squares of small gradients are nothing.
    largest = np.abs(flat).max(axis=1, initial=0.0)
    some = largest != 0  # what isn't finite stays, and shows
    flat = flat[some] / largest[some, None]
    if not len(flat):
        return (0.0,) * basis.shape[1]
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    shares = np.cumsum(np.square(flat @ basis), axis=1).mean(axis=0)
    return tuple(shares.tolist())


def _count(vectors: np.ndarray) -> int:
    return int(np.count_nonzero(np.any(_flat(vectors) != 0, axis=1)))


def _flat(vectors: np.ndarray) -> np.ndarray:
    # Not -1, which of no vectors at all can't be told.
    return vectors.reshape(len(vectors), math.prod(vectors.shape[1:]))


def _named(
    progress: Callable[[str, int], None] | None, name: str
) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(name, done)
