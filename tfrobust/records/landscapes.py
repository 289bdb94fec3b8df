"""What was seen around a model's weights and on the way of an attack."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class WeightSurfaceRecord:
    """Loss and accuracy on a plane through a model's weights.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images the means are over.
        seed: of the two directions.
        coordinates: along both, in norms of the filters; the middle one is 0.
        loss: mean cross-entropy, rows along the first direction; `None`
            where it is not finite.
        accuracy: likewise.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    seed: int
    coordinates: tuple[float, ...]
    loss: tuple[tuple[float | None, ...], ...]
    accuracy: tuple[tuple[Share, ...], ...]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class CurvaturePathRecord:
    """Loss and decision function on the lines from images to attacked ones.

    A line starts at an image that is right at first and that the attack
    moved. Derivatives are by the l2 distance along it.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were attacked.
        attack: its settings.
        examples: which of them have a line, rising.
        labels: their classes.
        lengths: l2 distances from x to x_adv.
        places: shares of the way, from 0 to 1.
        loss: cross-entropy; a row per line, a column per place, and so below.
        decision: the own logit less the largest other.
        slope: first derivative of the loss along the line.
        curvature: second derivative of the loss along the line.
        image_shape: of one image; the three below are flat.
        images: the first few that have a line.
        deltas: x_adv - x of these.
        jacobians: of the decision function at these images.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    attack: dict[str, Any]
    examples: tuple[int, ...]
    labels: tuple[int, ...]
    lengths: tuple[float, ...]
    places: tuple[float, ...]
    loss: tuple[tuple[float, ...], ...]
    decision: tuple[tuple[float, ...], ...]
    slope: tuple[tuple[float, ...], ...]
    curvature: tuple[tuple[float, ...], ...]
    image_shape: tuple[int, ...]
    images: tuple[tuple[float, ...], ...]
    deltas: tuple[tuple[float, ...], ...]
    jacobians: tuple[tuple[float, ...], ...]
    provenance: dict[str, Any]
