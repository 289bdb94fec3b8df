"""What residual networks share: depths, stages, the pre-activated unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import layers

from tfrobust.architectures.common import bare_convolution
from tfrobust.architectures.common import normalized
from tfrobust.arguments import check_integer


def units_per_stage(depth: int, step: int, rest: int, such_as: str) -> int:
    """Return n of depth = step * n + rest, or raise `ValueError`."""
    check_integer("depth", depth, minimum=step + rest)
    if (depth - rest) % step:
        raise ValueError(
            f"`depth` must be {step}n + {rest}, such as {such_as}. "
            f"Received: depth={depth!r}"
        )
    return (depth - rest) // step


def stages(widths: Sequence[Any], units: int) -> list[tuple[Any, int]]:
    """Return (width, strides) of each unit; every stage but one halves."""
    return [
        (width, 2 if stage > 0 and unit == 0 else 1)
        for stage, width in enumerate(widths)
        for unit in range(units)
    ]


def preactivated_unit(
    x: Any,
    convolutions: Sequence[tuple[int, int]],
    activation: Any,
    *,
    strides: int = 1,
    dropout: float = 0.0,
) -> Any:
    """Return x + F(x), where each convolution of F reads activations.

    A unit that changes the shape of x projects it by a 1x1 convolution of the
    activations that F reads.

    Args:
        x: a map that is the sum of what came before.
        convolutions: (filters, size) of those of F; the first has `strides`.
        activation: after each normalisation.
        strides: 1, or 2 to halve the map.
        dropout: rate before each convolution of F but the first.
    """
    y = activated = normalized(x, activation)
    for index, (filters, size) in enumerate(convolutions):
        if index == 0:
            y = bare_convolution(y, filters, size, strides=strides)
            continue
        y = normalized(y, activation)
        y = layers.Dropout(dropout)(y) if dropout else y
        y = bare_convolution(y, filters, size)
    if y.shape[1:] != x.shape[1:]:
        x = bare_convolution(activated, y.shape[-1], 1, strides=strides)
    return layers.Add()([x, y])
