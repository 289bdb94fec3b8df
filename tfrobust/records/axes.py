"""Which fields of a record run along the same axes."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from tfrobust.records.analyses import CurvatureRecord
from tfrobust.records.analyses import FlatnessRecord
from tfrobust.records.analyses import LeakingRecord
from tfrobust.records.analyses import SurfaceRecord
from tfrobust.records.covariance import CovarianceRecord
from tfrobust.records.covariance import NoiseRecord
from tfrobust.records.evaluations import CurveRecord
from tfrobust.records.evaluations import TransferRecord
from tfrobust.records.features import FeatureRecord
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.records.landscapes import WeightSurfaceRecord
from tfrobust.records.toys import PoisoningRecord
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.records.toys import ToyRecord


def _along(axes: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, axes)


# Kind -> field -> its axes, outermost first. A count is as long as it says;
# of a mapping every value has the axes.
AXES: dict[type, dict[str, str]] = {
    CurveRecord: _along("radii", "epsilons", "robust_accuracy"),
    TransferRecord: {
        **_along("models", "models", "model_digests", "clean_accuracy"),
        **_along("models models", "accuracy"),
    },
    LeakingRecord: _along("components", "eigenvalues", "energy", "shares"),
    SurfaceRecord: {
        **_along("points", "coordinates"),
        **_along("points points", "loss", "decision"),
    },
    WeightSurfaceRecord: {
        **_along("points", "coordinates"),
        **_along("points points", "loss", "accuracy"),
    },
    CurvatureRecord: {
        **_along("images", "num_examples", "jacobian_l1", "jacobian_l2"),
        **_along("images eigenvalues", "eigenvalues"),
    },
    FlatnessRecord: _along(
        "images",
        *("num_examples", "loss", "gradient_norm", "gamma"),
        *("worst_loss", "segment_gradient_norm", "linearity_error"),
    ),
    CurvaturePathRecord: {
        **_along("lines", "examples", "labels", "lengths"),
        **_along("places", "places"),
        **_along("lines places", "loss", "decision", "slope", "curvature"),
        **_along("images pixels", "images", "deltas", "jacobians"),
    },
    FeatureRecord: {
        **_along("images", "num_examples", "labels"),
        **_along("images", "predictions", "nearest_classes", "cosines"),
        **_along("points", "clean_embedding", "adversarial_embedding"),
    },
    CovarianceRecord: {
        **_along("channels channels", "function", "profile"),
        **_along("channels channels", "decay_length", "pair_decay_length"),
    },
    NoiseRecord: {
        **_along("radii", "epsilons"),
        **_along("lengths", "decay_lengths"),
        **_along("lengths radii", "accuracy"),
    },
    SoftmaxPathRecord: {
        **_along("images", "examples", "images", "adversarial", "labels"),
        **_along("images", "before", "after", "perturbation_norms"),
        **_along("places", "positions"),
        **_along("images places classes", "probabilities"),
    },
    ToyRecord: {
        **_along("columns", "horizontal"),
        **_along("rows", "vertical"),
        **_along("rows columns", "decision"),
        **_along("points", "points", "labels", "gradients"),
        **_along("components", "principal_shares", "energy"),
    },
    PoisoningRecord: _along(
        "amplitudes",
        *("amplitudes", "accuracy", "own_accuracy", "follow_shares"),
        *("gradient_shares", "clean_follow_shares"),
    ),
}


def unequal(data: Mapping[str, Any], axes: Mapping[str, str]) -> str | None:
    """Return which field is longer or shorter than another, or `None`.

    Args:
        data: name -> value.
        axes: name -> axes, outermost first, spaces between.

    Example:

    >>> data = {"epsilons": (0.0, 0.1), "accuracy": (1.0,)}
    >>> unequal(data, {"epsilons": "radii", "accuracy": "radii"})
    'accuracy has 1 radii, epsilons 2'
    """
    seen: dict[str, tuple[str, int]] = {}
    for name, along in axes.items():
        for axis, length in _lengths(data[name], along.split()):
            first, expected = seen.setdefault(axis, (name, length))
            if length != expected:
                return f"{name} has {length} {axis}, {first} {expected}"
    return None


def _lengths(value: Any, axes: list[str]) -> Iterator[tuple[str, int]]:
    """Yield (axis, length) of everything that lies along axes."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _lengths(part, axes)
    elif axes and isinstance(value, int):
        yield axes[0], value
    elif axes and isinstance(value, tuple):
        yield axes[0], len(value)
        for part in value:
            yield from _lengths(part, axes[1:])
