"""What a search makes large."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence


def constrained_score(clean: float, robust: float, clean_floor: float) -> float:
    """Return robust accuracy where clean accuracy is no less than a floor.

    Otherwise how far it is below, a negative number: what is forbidden comes
    after all that is allowed, and the nearest first.

    Example:

    >>> constrained_score(0.98, 0.75, 0.97), constrained_score(0.5, 0.4, 0.97)
    (0.75, -0.47)
    """
    return robust if clean >= clean_floor else round(clean - clean_floor, 12)


def best_score(
    history: Mapping[str, Sequence[float]], clean_floor: float
) -> float:
    """Return the best score of a training's epochs.

    Args:
        history: "val_accuracy" and "val_robust_accuracy" of each epoch.
        clean_floor: see `constrained_score`.
    """
    pairs = zip(
        history["val_accuracy"], history["val_robust_accuracy"], strict=True
    )
    return max(constrained_score(*pair, clean_floor) for pair in pairs)
