"""Intervals of what was measured."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence


def ratio_of_medians(
    above: Sequence[float], below: Sequence[float]
) -> tuple[float, float, float]:
    """Return the ratio of two medians and its 95 % bootstrap interval.

    Rounds are drawn together, for a slow round is slow for both.

    Args:
        above, below: times of the same rounds.
    """
    median = statistics.median
    rounds = list(zip(above, below, strict=True))
    draw = random.Random(0)
    ratios = []
    for _ in range(1000):
        drawn = draw.choices(rounds, k=len(rounds))
        ratios.append(median(a for a, _ in drawn) / median(b for _, b in drawn))
    ratios.sort()
    return median(above) / median(below), ratios[25], ratios[974]


def confidence_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    References:
        Wilson, 1927, Journal of the American Statistical Association 22
    """
    z = 1.959964
    share = count / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(
        share * (1 - share) / total + z * z / (4 * total * total)
    )
    scale = 1 + z * z / total
    low, high = (centre - spread) / scale, (centre + spread) / scale
    # At 0 and 1 one end is the share itself, but for rounding.
    return max(0.0, low), min(1.0, high)
