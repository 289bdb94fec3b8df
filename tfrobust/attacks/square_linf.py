"""Square's moves in l-infinity: full strength everywhere (algorithm 2)."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tfrobust.attacks.square_windows import first_places
from tfrobust.attacks.square_windows import image_sizes
from tfrobust.attacks.square_windows import interval
from tfrobust.attacks.square_windows import pixels_in_square
from tfrobust.attacks.square_windows import random_signs
from tfrobust.attacks.square_windows import Search


class LinfMoves:
    """Stripes of +-epsilon first, then one square of +-epsilon a query.

    Args:
        shape: of an image.
        num_queries: in all.
        initial_share: of the pixels in a square at first.
        reaches_edge: whether a square may lie at the last row and column.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        num_queries: int,
        initial_share: float,
        reaches_edge: bool,
    ) -> None:
        self._sides = sides(shape, num_queries, initial_share)
        self._channels = image_sizes(shape)[2]
        self._reaches_edge = reaches_edge

    def first(self, search: Search) -> tf.Tensor:
        """Return the point of the first query."""
        ball, x = search.ball, search.x
        return ball.project(x + ball.epsilon * stripes(search), x)

    def later(
        self, search: Search, x_adv: tf.Tensor, query: tf.Tensor
    ) -> tf.Tensor:
        """Return the point of a later query, from the best so far."""
        ball, x = search.ball, search.x
        draws = search.draws(query, 2 + self._channels)
        side = tf.constant(self._sides)[query]
        signs = square(x, draws, side, self._reaches_edge)
        return ball.project(x_adv + 2.0 * ball.epsilon * signs, x)


def sides(
    shape: tuple[int, ...], num_queries: int, initial_share: float
) -> np.ndarray:
    """Return (height, width) of the square of each query."""
    height, width, _ = image_sizes(shape)
    table = np.ones((num_queries, 2), np.int32)
    wanted = pixels_in_square(shape, num_queries, initial_share)
    for query, pixels in enumerate(wanted):
        tall = min(max(round(math.sqrt(pixels)), 1), height)
        broad = tall if height == width else round(pixels / tall)
        table[query] = tall, min(max(broad, 1), width)
    return table


def stripes(search: Search) -> tf.Tensor:
    """Return +-1 per column and channel, of the images' shape."""
    x = search.x
    height, width, channels = image_sizes(x.shape[1:])
    signs = random_signs(search.draws(0, width * channels), x.dtype)
    signs = tf.reshape(signs, (-1, 1, width, channels))
    return tf.reshape(tf.tile(signs, (1, height, 1, 1)), tf.shape(x))


def square(
    x: tf.Tensor, draws: tf.Tensor, side: tf.Tensor, reaches_edge: bool
) -> tf.Tensor:
    """Return +-1 per channel in one square of each example, else 0."""
    height, width, _ = image_sizes(x.shape[1:])
    top = first_places(draws[:, 0], side[0], height, reaches_edge)
    left = first_places(draws[:, 1], side[1], width, reaches_edge)
    rows = interval(top, side[0], height)
    columns = interval(left, side[1], width)
    inside = rows[:, :, None] & columns[:, None, :]
    signs = random_signs(draws[:, 2:], x.dtype)[:, None, None, :]
    return tf.reshape(tf.cast(inside, x.dtype)[..., None] * signs, tf.shape(x))
