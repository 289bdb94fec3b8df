"""Square's moves in l2: what one window loses another gains (algorithm 3)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrobust.attacks.square_windows import first_places
from tfrobust.attacks.square_windows import image_sizes
from tfrobust.attacks.square_windows import interval
from tfrobust.attacks.square_windows import pixels_in_square
from tfrobust.attacks.square_windows import random_signs
from tfrobust.attacks.square_windows import Search
from tfrobust.ops.norms import unit
from tfrobust.threat_model import NormBall

_SMALLEST_IMAGE = 5


class L2Moves:
    """A grid of bumps first, then the strength of two windows into one.

    Args:
        shape: of an image, at least 5 pixels a side.
        num_queries: in all.
        initial_share: of the pixels in a window at first.
        reaches_edge: whether a window may lie at the last row and column.

    Raises:
        ValueError: for flat or smaller inputs.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        num_queries: int,
        initial_share: float,
        reaches_edge: bool,
    ) -> None:
        self._height, self._width, self._channels = image_sizes(shape)
        least = min(self._height, self._width)
        if least < _SMALLEST_IMAGE:
            raise ValueError(
                "Square in l2 needs images of at least 5 x 5 pixels. "
                f"Received: shape={tuple(shape)}"
            )
        wanted = pixels_in_square(shape, num_queries, initial_share)
        self._sides = odd_sides(wanted, least)
        self._reaches_edge = reaches_edge

    def first(self, search: Search) -> tf.Tensor:
        """Return the point of the first query."""
        x = search.x
        bumps, tile = grid(self._height, self._width)
        tiles = tile.max() + 1
        draws = search.draws(0, tiles * (1 + self._channels))
        lying = tf.gather(draws[:, :tiles] < 0.5, tile, axis=1)
        chosen = tf.where(lying, bumps[0], bumps[1])
        signs = random_signs(draws[:, tiles:], x.dtype)
        signs = tf.reshape(signs, (-1, tiles, self._channels))
        delta = tf.cast(chosen, x.dtype)[..., None]
        delta *= tf.gather(signs, tile, axis=1)
        return _on_sphere(delta, x, search.ball)

    def later(
        self, search: Search, x_adv: tf.Tensor, query: tf.Tensor
    ) -> tf.Tensor:
        """Return the point of a later query, from the best so far."""
        ball, x = search.ball, search.x
        draws = search.draws(query, 5 + self._channels)
        side = tf.constant(self._sides)[query]
        at, into = self._window(draws[:, :2], side, x.dtype)
        _, emptied = self._window(draws[:, 2:4], side, x.dtype)
        signs = random_signs(draws[:, 5:], x.dtype)[:, None, None, :]
        bump = self._bump(at, side, draws[:, 4], x.dtype) * into * signs
        delta = x_adv - x
        direction = _scaled(_scaled(delta * into) + bump)
        gained = tf.square(_lengths(delta * tf.maximum(into, emptied)))
        gained += self._unused(delta, ball)
        rest = delta * (1.0 - into) * (1.0 - emptied)
        return _on_sphere(rest + direction * tf.sqrt(gained), x, ball)

    def _window(
        self, draws: tf.Tensor, side: tf.Tensor, dtype: tf.DType
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Return (top, left) and the window there, (batch, H, W, 1)."""
        edge = self._reaches_edge
        top = first_places(draws[:, 0], side, self._height, edge)
        left = first_places(draws[:, 1], side, self._width, edge)
        rows = interval(top, side, self._height)
        columns = interval(left, side, self._width)
        inside = rows[:, :, None] & columns[:, None, :]
        return (top, left), tf.cast(inside, dtype)[..., None]

    def _bump(
        self,
        at: tuple[tf.Tensor, tf.Tensor],
        side: tf.Tensor,
        coin: tf.Tensor,
        dtype: tf.DType,
    ) -> tf.Tensor:
        """Return a bump from `at` on, standing or lying, (batch, H, W, 1)."""
        known = np.unique(self._sides)
        table = np.zeros((2, len(known), self._height, self._width), np.float32)
        for k, s in enumerate(known):
            table[0, k, :s, :s] = bump(s)
            table[1, k, :s, :s] = bump(s).T
        both = tf.constant(table, dtype)[:, tf.searchsorted(known, [side])[0]]
        placed = tf.gather(both, tf.cast(coin < 0.5, tf.int32))
        for axis, start in enumerate(at, 1):
            index = tf.range(placed.shape[axis])[None, :] - start[:, None]
            index = tf.maximum(index, 0)
            placed = tf.gather(placed, index, axis=axis, batch_dims=1)
        return placed[..., None]

    def _unused(self, delta: tf.Tensor, ball: NormBall) -> tf.Tensor:
        """Return each channel's share of what the ball leaves, squared."""
        used = tf.reduce_sum(tf.square(delta), axis=(1, 2, 3), keepdims=True)
        return tf.maximum(ball.epsilon**2 - used, 0.0) / self._channels


def odd_sides(pixels: np.ndarray, largest: int) -> np.ndarray:
    """Return odd sides of windows, from 3 to what fits the image."""
    side = np.maximum(np.rint(np.sqrt(pixels)).astype(np.int32), 3)
    side += side % 2 == 0
    return np.minimum(side, largest - (largest % 2 == 0))


def bump(side: int) -> np.ndarray:
    """Return a positive bump above a negative one, of unit length."""
    half = side // 2
    both = np.concatenate([_hill(half, side), -_hill(side - half, side)])
    return (both / np.linalg.norm(both)).astype(np.float32)


def _hill(height: int, width: int) -> np.ndarray:
    """Return rectangles of falling height over each other."""
    hill = np.zeros((height, width))
    middle, centre = height // 2 + 1, width // 2 + 1
    for k in range(max(middle, centre)):
        top, left = middle - 1 - k, centre - 1 - k
        rows = slice(max(top, 0), max(middle + k, 0))
        hill[rows, max(left, 0) : centre + k] += 1.0 / (k + 1) ** 2
    return hill / np.linalg.norm(hill) if hill.any() else hill


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return bumps standing and lying, (2, H, W), and each pixel's tile."""
    side = min(height, width) // _SMALLEST_IMAGE
    bumps = np.zeros((2, height, width), np.float32)
    tile = np.zeros((height, width), np.int32)
    first = [(size - 5 * side) // 2 for size in (height, width)]
    corners = [
        (top, left)
        for top in range(first[0], height - side + 1, side)
        for left in range(first[1], width - side + 1, side)
    ]
    for number, (top, left) in enumerate(corners):
        at = slice(top, top + side), slice(left, left + side)
        bumps[0][at], bumps[1][at] = bump(side), bump(side).T
        tile[at] = number
    return bumps, tile


def _lengths(t: tf.Tensor) -> tf.Tensor:
    """Return l2 norms of each channel, (batch, 1, 1, C)."""
    return tf.sqrt(tf.reduce_sum(tf.square(t), axis=(1, 2), keepdims=True))


def _scaled(t: tf.Tensor) -> tf.Tensor:
    """Return each channel at unit length."""
    return t / (1e-12 + _lengths(t))


def _on_sphere(delta: tf.Tensor, x: tf.Tensor, ball: NormBall) -> tf.Tensor:
    """Return x moved by epsilon along delta, then into ball and box."""
    return ball.project(x + ball.epsilon * unit(delta, 2), x)
