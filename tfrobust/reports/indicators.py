"""What tells of robustness before an attack does (Li et al., 2020, table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfrobust.records import LeakingRecord

RECIPROCAL = "1 / mean gradient norm"


def indicators(
    records: Sequence[LeakingRecord], attack: str, num_components: int
) -> dict[str, float]:
    """Return R^2 of models' mean perturbation norm on what may predict it.

    Args:
        records: of at least three models on the same images.
        attack: whose perturbation norms, found without a radius, are to be
            predicted.
        num_components: d, of sqrt(alpha_d) of the loss gradient.

    Returns:
        The coefficient of determination for 1 / mean gradient norm and for
        sqrt(alpha_d).

    Raises:
        ValueError: for fewer models, or a model that the attack never broke.
    """
    if len(records) < 3:
        raise ValueError(
            "A regression needs at least three models. "
            f"Received: {len(records)}"
        )
    unbroken = [r.model for r in records if not r.perturbation_norms[attack]]
    if unbroken:
        raise ValueError(
            f"{attack} must break images of every model. "
            f"Received: none of {', '.join(unbroken)}"
        )
    if not all(r.mean_gradient_norm > 0 for r in records):
        raise ValueError("A model has no gradient: mean_gradient_norm=0")
    norms = np.array([np.mean(r.perturbation_norms[attack]) for r in records])
    if not np.ptp(norms):
        raise ValueError(
            "Models must differ in their mean perturbation norm. "
            f"Received: {norms[0]:g} for each"
        )
    alphas = [r.shares["loss gradient"][num_components - 1] for r in records]
    reciprocals = [1.0 / r.mean_gradient_norm for r in records]
    return {
        RECIPROCAL: determination(reciprocals, norms),
        f"sqrt(alpha_{num_components})": determination(np.sqrt(alphas), norms),
    }


def determination(
    predictor: Sequence[float] | np.ndarray,
    response: Sequence[float] | np.ndarray,
) -> float:
    """Return R^2 of a least-squares line with an intercept.

    Example:

    >>> round(determination([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]), 6)
    1.0
    """
    design = np.stack([np.ones(len(predictor)), np.asarray(predictor)], 1)
    response = np.asarray(response, "float64")
    weights = np.linalg.lstsq(design, response, rcond=None)[0]
    rest = response - design @ weights
    about_mean = response - response.mean()
    return float(1.0 - rest @ rest / (about_mean @ about_mean))


def rises(
    predictor: Sequence[float] | np.ndarray,
    response: Sequence[float] | np.ndarray,
) -> bool:
    """Return whether the least-squares line rises.

    Example:

    >>> rises([1.0, 2.0, 3.0], [6.0, 4.0, 2.0])
    False
    """
    about_mean = np.asarray(predictor, "float64") - np.mean(predictor)
    return bool(about_mean @ np.asarray(response, "float64") > 0)


def indicator_rows(records: Sequence[LeakingRecord]) -> list[list[str]]:
    """Return header and rows: R^2 by attack, of what may predict its norms.

    For half of the components that all have, and for all attacks that broke
    images of each model.

    Args:
        records: of at least three models on the same images.

    Raises:
        ValueError: as `indicators`.
    """
    shared = set.intersection(*(set(r.perturbation_norms) for r in records))
    count = max(1, min(len(r.energy) for r in records) // 2)
    rows = [["R^2 of the mean perturbation norm of", "on", "R^2", "models"]]
    for attack in sorted(shared):
        for name, value in indicators(records, attack, count).items():
            rows.append([attack, name, f"{value:.3f}", str(len(records))])
    return rows
