"""Accuracy under long-range correlated noise.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736, section
4.3, figures 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfrobust.attacks import CorrelatedNoise
from tfrobust.attacks.pieces import attacked
from tfrobust.inputs import check_images
from tfrobust.ops.norms import Norm
from tfrobust.ops.random_fields import exponential_field
from tfrobust.records.covariance import NoiseRecord
from tfrobust.threat_model import NormBall


def accuracy_under_noise(
    classifier: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilons: Sequence[float],
    decay_lengths: Sequence[float],
    norm: Norm = 2,
    num_draws: int = 10,
    seed: int = 0,
    batch_size: int = 250,
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> NoiseRecord:
    """Return accuracy for each decay length and radius of the noise.

    An image counts as right if it is right without noise and under each of
    its draws, `tfrobust.attacks.CorrelatedNoise`. The authors' radii, decay
    lengths and numbers of draws are lost, and so is their correlation between
    channels; here channels are independent.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, height, width, channels), in [0, 1].
        y: integer labels, shape (batch,).
        epsilons: radii in input units, at least one.
        decay_lengths: in pixels, positive, at least one; towards 0 the noise
            is white.
        norm: of the sphere that a draw lies on before it is clipped to the
            box; default 2.
        num_draws: per image; default 10 (ours).
        seed: of the draws; each cell of the grid has the same white noise.
        batch_size: examples at a time; default 250.
        progress: called with the number of examples after each batch; their
            sum over the grid is examples * radii * decay lengths.
        model, model_digest, data, provenance: of the record.

    Raises:
        ValueError: for flat inputs, an empty list, or a decay length too long
            for images of this size, of more than 1024 pixels.
    """
    x = check_images(x)
    _check_grid(x, epsilons, decay_lengths)
    options: dict[str, Any] = {"num_draws": num_draws, "seed": seed}
    # All are made before the first is used: errors come at once.
    attacks = [
        [
            CorrelatedNoise(
                NormBall(norm, epsilon=epsilon), decay_length=zeta, **options
            )
            for epsilon in epsilons
        ]
        for zeta in decay_lengths
    ]
    for zeta in decay_lengths:
        exponential_field(x.shape[1:], zeta)
    run: dict[str, Any] = {"batch_size": batch_size, "progress": progress}
    results = [
        [
            attacked(
                f"noise {a.decay_length} {a.threat_model.epsilon}",
                *(a, classifier, x, y),
                **run,
            )
            for a in row
        ]
        for row in attacks
    ]
    return NoiseRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        norm=attacks[0][0].threat_model.norm,
        epsilons=tuple(map(float, epsilons)),
        decay_lengths=tuple(map(float, decay_lengths)),
        num_draws=num_draws,
        seed=seed,
        clean_accuracy=results[0][0].clean_accuracy,
        accuracy=tuple(
            tuple(result.robust_accuracy for result in row) for row in results
        ),
        provenance=provenance or {},
    )


def _check_grid(
    x: np.ndarray, epsilons: Sequence[float], decay_lengths: Sequence[float]
) -> None:
    if x.ndim != 4:
        raise ValueError(
            "Correlated noise needs images of (height, width, channels). "
            f"Received: shape={x.shape[1:]}"
        )
    if not len(epsilons) or not len(decay_lengths):
        raise ValueError(
            "`epsilons` and `decay_lengths` must not be empty. Received: "
            f"{len(epsilons)} and {len(decay_lengths)} numbers"
        )
