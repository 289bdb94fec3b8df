"""How steep the loss gets around an image, and how far from linear it is.

Xu, Li, Jiang and Xia, 2020, Adversarial robustness via local flatness
regularization, ICIP, eq. 3 and theorem 1; Qin et al., 2019,
https://arxiv.org/abs/1907.02610, eq. 4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.attacks import PGD
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.pieces import piece
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import GradientNorm
from tfrobust.objectives import LinearityError
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Score
from tfrobust.records import FlatnessRecord
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class _Endless(Objective):
    """An objective that a wrong class doesn't end: its maximum is sought."""

    objective: Objective

    def success(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """See base class; never."""
        del logits
        return tf.zeros_like(labels, tf.bool)

    def __call__(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> Score:
        """See base class."""
        return self.objective(classifier, x, labels)


def local_flatness(
    classifier: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilon: float,
    num_steps: int = 40,
    num_restarts: int = 1,
    resolution: int = 101,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> FlatnessRecord:
    """Return the largest gradient norm, loss and linearity error in a ball.

    gamma = max ||dL(x')||_1 over the l-infinity ball: the largest that PGD
    on it found and that stands on the segment below, an estimate from below.
    Theorem 1 bounds the loss there: L(x') <= L(x) +
    epsilon * the largest ||dL||_1 on the segment from x to x', which is
    looked at on a grid.

    Args:
        classifier: a Keras model from images to logits, with right second
            derivatives.
        x: images in [0, 1], shape (n, ...).
        y: integer labels, shape (n,).
        epsilon: radius of the l-infinity ball.
        num_steps, num_restarts: of each search; default 40 and 1.
        resolution: points on a segment, its ends among them; default 101.
        seed: of the starts.
        progress: called with n after each of three searches and after the
            segments.
        model, model_digest, data, provenance: of the record.
    """
    check_integer("resolution", resolution, minimum=2)
    x = check_images(x)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    search = PGD(
        NormBall("inf", epsilon=epsilon),
        num_steps=num_steps,
        num_restarts=num_restarts,
        seed=seed,
    )

    def done(name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        found = piece(name, lambda: {"found": compute()})["found"]
        if progress is not None:
            progress(len(x))
        return found

    def highest(name: str, objective: Objective) -> np.ndarray:
        attack = dataclasses.replace(search, objective=_Endless(objective))
        ids = tf.range(len(x), dtype=tf.int64)
        tensors = tf.constant(x), tf.constant(y, tf.int64), ids
        return done(name, lambda: attack.search(classifier, *tensors))

    steepest = highest("slope", GradientNorm())
    worst = highest("loss", CrossEntropy())
    bent = highest("linearity error", LinearityError())
    clean_gradient = input_gradients(
        classifier, x, tf.constant(y), CrossEntropy()
    )
    along = ((bent - x) * clean_gradient).reshape(len(x), -1).sum(1)
    loss = _loss(classifier, x, y)
    # The segment lies in the ball, and on it PGD on the slope often misses
    # what PGD on the loss passes.
    segment = done(
        "segment", lambda: _along_segment(classifier, x, worst, y, resolution)
    )
    found = _gradient_norm(classifier, steepest, y)
    return FlatnessRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        epsilon=float(epsilon),
        loss=_numbers(loss),
        gradient_norm=_numbers(_l1(clean_gradient)),
        gamma=_numbers(np.maximum(found, segment)),
        worst_loss=_numbers(_loss(classifier, worst, y)),
        segment_gradient_norm=_numbers(segment),
        linearity_error=_numbers(
            np.abs(_loss(classifier, bent, y) - loss - along)
        ),
        provenance=provenance or {},
    )


def _along_segment(
    classifier: keras.Model,
    x: np.ndarray,
    ends: np.ndarray,
    y: np.ndarray,
    resolution: int,
) -> np.ndarray:
    """Return the largest gradient norm between x and x', (n,)."""
    norms = [
        _gradient_norm(classifier, (x + t * (ends - x)).astype(x.dtype), y)
        for t in np.linspace(0.0, 1.0, resolution)
    ]
    return np.max(norms, axis=0)


def _gradient_norm(
    classifier: keras.Model, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    gradients = input_gradients(classifier, x, tf.constant(y), CrossEntropy())
    return _l1(gradients)


def _l1(gradients: np.ndarray) -> np.ndarray:
    return np.abs(gradients.reshape(len(gradients), -1)).sum(1)


def _loss(classifier: keras.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    logits = predict_logits(classifier, x)
    return cross_entropy(tf.constant(y), tf.constant(logits)).numpy()


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
