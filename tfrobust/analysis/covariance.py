"""Covariance of perturbations and images, as a function of displacement.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736, eq. 16,
figures 2 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks import Attack
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.pieces import attacked
from tfrobust.attacks.pieces import check_attacks
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.ops import spectral
from tfrobust.records.covariance import CovarianceRecord
from tfrobust.serialization import describe

IMAGES = "images"
"""Name of the data itself among the sources of a record."""
_LARGEST_MATRIX = 64
_DIGITS = 6


def perturbation_covariance(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attacks: Mapping[str, Attack],
    *,
    batch_size: int = 250,
    progress: Callable[[str, int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> CovarianceRecord:
    """Return the covariance function of each attack's perturbations.

    Of delta = x_adv - x the raw second moment, for images that were attacked
    and moved; of the images the covariance about their mean image. See the
    record for how both are normalised. An attack that moved nothing has a
    count and a K of zero.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, height, width, channels), in [0, 1].
        y: integer labels, shape (batch,).
        attacks: name -> attack; none may be called "images".
        batch_size: examples at a time; default 250.
        progress: called with (attack name, examples done).
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: for flat inputs, or an attack called "images".
    """
    check_integer("batch_size", batch_size, minimum=1)
    check_attacks(attacks)
    x = check_images(x)
    _check_sources(x, attacks)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    found = {}
    for name, attack in attacks.items():
        run = {"batch_size": batch_size, "progress": _named(progress, name)}
        found[name] = _perturbations(name, classifier, x, y, attack, run)
    found[IMAGES] = x - x.mean(axis=0, dtype="float64")
    kernels, scales = {}, {}
    for name, vectors in found.items():
        kernel = covariance_function(vectors, batch_size=batch_size)
        scales[name], kernels[name] = _normalised(kernel)
    return CovarianceRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        image_shape=x.shape[1:],
        counts={name: len(vectors) for name, vectors in found.items()},
        scale=scales,
        function={n: _rounded(_channels_first(k)) for n, k in kernels.items()},
        profile={n: _tuples(radial_profile(k)) for n, k in kernels.items()},
        decay_length={n: _decays(k) for n, k in kernels.items()},
        pair_decay_length={n: _decays(by_pairs(k)) for n, k in kernels.items()},
        matrix=_matrices(found, scales),
        settings={name: describe(a) for name, a in attacks.items()},
        provenance=provenance or {},
    )


def covariance_function(
    vectors: np.ndarray, *, batch_size: int = 250
) -> np.ndarray:
    """Return K of `tfrobust.ops.spectral`, the mean over vectors.

    Each displacement's sum of products is divided by height * width, whatever
    the number of pairs: positive semidefinite, and tapered at a distance.

    Args:
        vectors: shape (n, height, width, channels); for n = 0 K is zero.
        batch_size: vectors at a time; default 250.

    Returns:
        float64 array of shape (2H - 1, 2W - 1, C, C), squared input units.
    """
    height, width, channels = vectors.shape[1:]
    spec = tf.TensorSpec((None, height, width, channels), tf.float64)
    moment = tf.function(
        spectral.second_moment, input_signature=[spec], autograph=False
    )
    total = np.zeros((2 * height - 1, 2 * width - 1, channels, channels))
    for start in range(0, len(vectors), batch_size):
        part = vectors[start : start + batch_size]
        total += moment(tf.constant(part, tf.float64)).numpy()
    return total / max(len(vectors), 1)


def by_pairs(kernel: np.ndarray) -> np.ndarray:
    """Return K with each displacement divided by its number of pairs.

    Unbiased where the covariance is stationary, noisy at far displacements,
    and no covariance: it may have negative eigenvalues.

    Args:
        kernel: divided by height * width, shape (2H - 1, 2W - 1, C, C).
    """
    height, width = kernel.shape[0] // 2 + 1, kernel.shape[1] // 2 + 1
    rows = 1 - np.abs(np.arange(1 - height, height)) / height
    columns = 1 - np.abs(np.arange(1 - width, width)) / width
    return kernel / np.outer(rows, columns)[:, :, None, None]


def radial_profile(kernel: np.ndarray) -> np.ndarray:
    """Return the mean of K over displacements of equal rounded length.

    Args:
        kernel: shape (2H - 1, 2W - 1, C, C).

    Returns:
        float64 array of shape (C, C, R), the last axis of distances 0, 1, ...

    Example:

    >>> radial_profile(np.ones((5, 3, 1, 1)))
    array([[[1., 1., 1.]]])
    """
    height, width = kernel.shape[0] // 2 + 1, kernel.shape[1] // 2 + 1
    rows = np.arange(1 - height, height)[:, None]
    columns = np.arange(1 - width, width)[None, :]
    distance = np.rint(np.hypot(rows, columns)).astype(int).ravel()
    sizes = np.bincount(distance)
    pairs = _channels_first(kernel).reshape(-1, distance.size)
    sums = [np.bincount(distance, weights=values) for values in pairs]
    return (np.array(sums) / sizes).reshape(*kernel.shape[2:], -1)


def decay_length(profile: Sequence[float] | np.ndarray) -> float | None:
    """Return where a profile first falls to 1 / e of its value at 0.

    Linear between the entries, which stand at distances 0, 1, 2, ...

    Args:
        profile: numbers; one that begins below zero is turned round.

    Returns:
        A distance in pixels; `None` where it never falls so far, or begins
        at zero.

    Example:

    >>> decay_length([2.0, 1.0, 0.0])
    1.264...
    >>> decay_length([1.0, 0.9]) is None
    True
    """
    level = 1.0 / math.e
    values = np.asarray(profile, "float64")
    if not values[0]:
        return None
    values = values / values[0]
    below = np.flatnonzero(values <= level)
    if not below.size:
        return None
    after = int(below[0])
    high, low = values[after - 1], values[after]
    return float(after - 1 + (high - level) / (high - low))


def _check_sources(x: np.ndarray, attacks: Mapping[str, Attack]) -> None:
    if x.ndim != 4:
        raise ValueError(
            "A covariance by displacement needs images of (height, width, "
            f"channels). Received: shape={x.shape[1:]}"
        )
    if IMAGES in attacks:
        raise ValueError(
            f"An attack must not be called {IMAGES!r}: that is the data. "
            f"Received: {', '.join(attacks)}"
        )


def _perturbations(
    name: str,
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    attack: Attack,
    run: dict[str, Any],
) -> np.ndarray:
    """Return x_adv - x of what was attacked and moved, (n, ...)."""
    x_adv = attacked(name, attack, classifier, x, y, **run).x_adv
    delta = x_adv.astype("float64") - x
    # An image that is left alone comes back as it was.
    return delta[delta.any(axis=(1, 2, 3))]


def _normalised(kernel: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean over channels of K_cc(0), and K divided by it."""
    centre = kernel[kernel.shape[0] // 2, kernel.shape[1] // 2]
    scale = float(np.diagonal(centre).mean())
    return scale, kernel / scale if scale else kernel


def _decays(kernel: np.ndarray) -> tuple[tuple[float | None, ...], ...]:
    rows = radial_profile(kernel)
    # Channels without correlation have one of rounding, and no decay.
    rows = np.where(np.abs(rows) > 10.0**-_DIGITS, rows, 0.0)
    return tuple(tuple(map(decay_length, row)) for row in rows)


def _matrices(
    found: Mapping[str, np.ndarray], scales: Mapping[str, float]
) -> dict[str, Any] | None:
    """Return source -> (D, D) second moment, or `None` if D is too large."""
    matrices = {}
    for name, vectors in found.items():
        size = int(np.prod(vectors.shape[1:]))
        if size > _LARGEST_MATRIX:
            return None
        flat = vectors.reshape(len(vectors), size).astype("float64")
        divisor = len(vectors) * scales[name] or 1.0
        matrices[name] = _rounded(flat.T @ flat / divisor)
    return matrices


def _channels_first(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(2, 3, 0, 1)


def _rounded(values: np.ndarray) -> Any:
    # Adding zero makes -0 a plain 0.
    return _tuples(np.round(values, _DIGITS) + 0.0)


def _tuples(values: np.ndarray) -> Any:
    if values.ndim == 1:
        return tuple(values.tolist())
    return tuple(_tuples(part) for part in values)


def _named(
    progress: Callable[[str, int], None] | None, name: str
) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(name, done)
