"""Softmax on the way to an adversarial image, and label leaking.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training
through structured gradient regularization, section 7.3, fig. 6-8; Kurakin,
Goodfellow and Bengio, 2016, https://arxiv.org/abs/1611.01236, on labels that
leak.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.pieces import attacked
from tfrobust.inputs import check_images
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.serialization import describe


def softmax_path(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attack: Attack,
    *,
    num_points: int = 21,
    num_images: int = 8,
    batch_size: int = 250,
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> SoftmaxPathRecord:
    """Return the softmax along x + t (x_adv - x), and what labels give away.

    Shown are the first images that the attack broke, then the first that
    withstood it; images that were wrong to begin with are not. A steep step
    of the softmax shows a classifier that is over-sensitive there, and a
    smooth one what a regularised classifier should have.

    Labels leak where the accuracy under an attack made with the true labels
    is above that with the predicted ones. The two differ only on images that
    were wrong, and given true labels most attacks leave those alone, so
    nothing can leak: let one work on all and keep its last point, as
    `PGD(ball, keep_best=False)` does.

    Args:
        classifier: a Keras model from images to logits.
        x: images in the attack's bounds, shape (n, ...), floats.
        y: integer labels, shape (n,).
        attack: not one with targets.
        num_points: on the path, its ends among them; default 21.
        num_images: how many paths, at most; default 8.
        batch_size: examples at a time; default 250.
        progress: called with the number of examples after each batch, n
            with true labels and n with predicted ones.
        model: how the classifier is called; default "".
        model_digest: SHA-256 of its weights; default "".
        data: name of the image set; default "".
        provenance: of the run; default nothing.

    Raises:
        ValueError: for fewer than two points, no image that is right, and
            what the attack refuses.
    """
    check_integer("num_points", num_points, minimum=2)
    check_integer("num_images", num_images, minimum=1)
    check_type("attack", attack, Attack, example="PGD(ball)")
    x = check_images(x, bounds=attack.threat_model.bounds)
    settings: Any = {"batch_size": batch_size, "progress": progress}
    true = attacked("true labels", attack, classifier, x, y, **settings)
    labels = true.clean_predictions
    predicted = attacked(
        "predicted labels", attack, classifier, x, labels, **settings
    )
    shown = _shown(true)[:num_images]
    if not shown.size:
        raise ValueError(
            "An image must be classified correctly to be shown. "
            f"Received: none of {len(x)}"
        )
    positions = np.linspace(0.0, 1.0, num_points)
    return SoftmaxPathRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        examples=tuple(shown.tolist()),
        images=_tuples(_rounded(x[shown])),
        adversarial=_tuples(_rounded(true.x_adv[shown])),
        labels=tuple(true.y[shown].tolist()),
        before=tuple(true.clean_predictions[shown].tolist()),
        after=tuple(true.predictions[shown].tolist()),
        positions=tuple(positions.tolist()),
        probabilities=_tuples(
            path_probabilities(
                classifier,
                x[shown],
                true.x_adv[shown],
                positions,
                batch_size=batch_size,
            ).tolist()
        ),
        perturbation_norms=tuple(true.perturbation_norm[shown].tolist()),
        clean_accuracy=true.clean_accuracy,
        true_label_accuracy=true.robust_accuracy,
        predicted_label_accuracy=float(
            np.mean(predicted.predictions == true.y)
        ),
        # What wraps an attack has no threat model among its arguments.
        settings=describe(attack)
        | {"threat_model": describe(attack.threat_model)},
        provenance=provenance or {},
    )


def path_probabilities(
    classifier: keras.Model,
    x: np.ndarray,
    ends: np.ndarray,
    positions: np.ndarray,
    *,
    batch_size: int = 250,
) -> np.ndarray:
    """Return the softmax at (1 - t) x + t x_end for each image and t.

    Args:
        classifier: a Keras model from images to logits.
        x: where paths begin, shape (n, ...).
        ends: where they end, likewise.
        positions: values of t, shape (points,).
        batch_size: points at a time; default 250.

    Returns:
        float64, shape (n, points, num_classes).
    """
    if not len(x):
        return np.zeros((0, len(positions), 0))
    # Written so that t = 1 is the end itself, whatever rounding does.
    points = [(1.0 - t) * x + t * ends for t in positions]
    stacked = np.stack(points, axis=1).astype(x.dtype)
    logits = predict_logits(
        classifier, stacked.reshape(-1, *x.shape[1:]), batch_size=batch_size
    ).astype("float64")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    return shares.reshape(len(x), len(positions), -1)


def _shown(result: AttackResult) -> np.ndarray:
    """Return indices of what was right: broken first, then the others."""
    right = result.clean_predictions == result.y
    broken = np.flatnonzero(right & ~result.robust)
    return np.concatenate([broken, np.flatnonzero(right & result.robust)])


def _rounded(images: np.ndarray) -> list[Any]:
    """Return nested lists; a millionth is below what anyone sees."""
    return np.round(images.astype("float64"), 6).tolist()


def _tuples(values: Any) -> Any:
    """Return tuples for lists, all the way down."""
    return tuple(map(_tuples, values)) if isinstance(values, list) else values
