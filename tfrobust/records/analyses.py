"""What was seen inside a model."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class LeakingRecord:
    """How much of what lies in the images' first principal components.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        eigenvalues: of the training images' covariance, falling.
        energy: share of the variance in the first d components.
        shares: of what -> mean share in the first d components.
        counts: of what -> how many vectors that is the mean of.
        mean_gradient_norm: l2, of the loss at the images.
        perturbation_norms: attack -> norms of what broke an image.
        settings: attack -> its budget.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    eigenvalues: tuple[float, ...]
    energy: tuple[Share, ...]
    shares: dict[str, tuple[Share, ...]]
    counts: dict[str, int]
    mean_gradient_norm: float
    perturbation_norms: dict[str, tuple[float, ...]]
    settings: dict[str, Any]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class SurfaceRecord:
    """Loss and decision function on a plane through one image.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        example: which of the test images.
        label: its class.
        axes: names of the two directions.
        coordinates: along both, in units of the directions.
        loss: cross-entropy; rows along the first direction.
        decision: the own logit less the largest other; likewise.
        paths: name -> places on the plane, in order.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    example: int
    label: int
    axes: tuple[str, str]
    coordinates: tuple[float, ...]
    loss: tuple[tuple[float, ...], ...]
    decision: tuple[tuple[float, ...], ...]
    paths: dict[str, tuple[tuple[float, ...], ...]]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class CurvatureRecord:
    """Jacobian of the decision function and Hessian of the loss.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        jacobian_l1, jacobian_l2: norms, of each image.
        mean_jacobian_entry: mean of |J_i| over entries and images.
        near_zero_share: of entries of the Jacobian.
        near_zero: an entry counts below so much of the image's largest.
        eigenvalues: of each image's Hessian, the largest by size first.
        mean_eigenvalue_size: mean of |lambda_i| over all; `None` where the
            whole spectrum was too large.
        decision_bends: whether the decision function has a second
            derivative; not on a network of linear pieces.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    jacobian_l1: tuple[float, ...]
    jacobian_l2: tuple[float, ...]
    mean_jacobian_entry: float
    near_zero_share: Share
    near_zero: float
    eigenvalues: tuple[tuple[float, ...], ...]
    mean_eigenvalue_size: float | None
    decision_bends: bool
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class FlatnessRecord:
    """How steep the loss gets in an l-infinity ball around each image.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        epsilon: radius.
        loss: cross-entropy at the image.
        gradient_norm: l1, of the loss there.
        gamma: the largest in the ball that was found.
        worst_loss: the largest in the ball that was found.
        segment_gradient_norm: the largest on the way there.
        linearity_error: the largest distance from the tangent found.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    epsilon: float
    loss: tuple[float, ...]
    gradient_norm: tuple[float, ...]
    gamma: tuple[float, ...]
    worst_loss: tuple[float, ...]
    segment_gradient_norm: tuple[float, ...]
    linearity_error: tuple[float, ...]
    provenance: dict[str, Any]

    @property
    def theorem_1_slack(self) -> tuple[float, ...]:
        """What theorem 1 leaves: loss + epsilon * slope - worst loss."""
        rows = zip(
            self.loss, self.segment_gradient_norm, self.worst_loss, strict=True
        )
        return tuple(a + self.epsilon * slope - b for a, slope, b in rows)
