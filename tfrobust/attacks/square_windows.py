"""Where Square's squares lie, and how large they are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfrobust.ops.hashing import hashed_uniform
from tfrobust.threat_model import NormBall

# After so many queries the share of pixels is halved once more (authors).
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class Search(NamedTuple):
    """What a search works on; `ball.epsilon` is a scalar tensor."""

    x: tf.Tensor
    ids: tf.Tensor
    seed: tf.Tensor
    ball: NormBall

    def draws(self, query: tf.Tensor | int, count: int) -> tf.Tensor:
        """Return draws of U[0, 1) for a query, (batch, count)."""
        return hashed_uniform(self.seed, self.ids, query, count)


def image_sizes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (height, width, channels); flat inputs are one row."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return 1, math.prod(shape), 1


def pixels_in_square(
    shape: tuple[int, ...], num_queries: int, initial_share: float
) -> np.ndarray:
    """Return how many pixels a square should have, a number per query."""
    height, width, _ = image_sizes(shape)
    queries = np.arange(num_queries)[:, None]
    halvings = (queries > np.array(_HALVINGS)).sum(1)
    return initial_share * 0.5**halvings * height * width


def first_places(
    draw: tf.Tensor, length: tf.Tensor, total: int, reaches_edge: bool
) -> tf.Tensor:
    """Return where random intervals begin, (batch,), integers."""
    places = tf.maximum(total - length + int(reaches_edge), 1)
    return tf.cast(draw * tf.cast(places, tf.float32), tf.int32)


def interval(start: tf.Tensor, length: tf.Tensor, total: int) -> tf.Tensor:
    """Return which of `total` places an interval covers, (batch, total)."""
    at = tf.range(total)[None, :]
    start = start[:, None]
    return (at >= start) & (at < start + length)


def random_signs(draws: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return +-1 from draws of U[0, 1)."""
    return tf.where(draws < 0.5, tf.constant(-1, dtype), tf.constant(1, dtype))
