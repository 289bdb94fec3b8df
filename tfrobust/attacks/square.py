"""Square: a random search that asks for logits only.

Andriushchenko, Croce, Flammarion and Hein, 2020, Square attack: a
query-efficient black-box adversarial attack via random search,
https://arxiv.org/abs/1912.00049
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_seed
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.working_set import advance_shrinking
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.ops.hashing import hashed_uniform
from tfrobust.ops.norms import per_example
from tfrobust.threat_model import NormBall

# After so many queries the share of pixels is halved once more (authors).
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class SearchState(NamedTuple):
    """The best point of each example and its margin, positive when wrong."""

    x_adv: tf.Tensor
    value: tf.Tensor


class _Rows(NamedTuple):
    x: tf.Tensor
    y: tf.Tensor
    ids: tf.Tensor


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class Square(Attack):
    """Random search over squares of full strength in the l-infinity ball.

    Begins with vertical stripes of +-epsilon; each query sets one square, of
    a share of the pixels that falls on the authors' schedule, to +-epsilon
    in each channel, and is kept if the margin falls. An example's squares
    are keyed by (seed, example id, query): its own, and the same in any
    batch. Asks for no gradient, so it sees through a masked one.

    Args:
        threat_model: ball of norm "inf", and box.
        num_queries: forward passes per example, at least 2; default 5000.
        initial_share: of the pixels in a square at first, in (0, 1];
            default 0.8.
        reaches_edge: whether a square may also lie at the last row and
            column, as in the paper; default False, as in the authors' code.
            On small images it is stronger.
        seed: in [0, 2**32); default 0.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_queries: int = 5000
    initial_share: float = 0.8
    reaches_edge: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model)
        if self.threat_model.norm != "inf":
            raise ValueError(
                "Square takes norm inf. "
                f"Received: norm={self.threat_model.norm!r}"
            )
        check_integer("num_queries", self.num_queries, minimum=2)
        if not 0 < self.initial_share <= 1:
            raise ValueError(
                "`initial_share` must be in (0, 1]. "
                f"Received: initial_share={self.initial_share!r}"
            )
        check_seed(self.seed)

    @property
    def objective(self) -> Objective:
        """The margin."""
        return Margin()

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class."""
        begin, advance = self._compiled(classifier, x)
        sizes = tf.constant(self.threat_model.epsilon, x.dtype), self._key
        rows = _Rows(x, labels, example_ids)

        def run(
            state: SearchState, rows: _Rows, first: int, steps: int
        ) -> SearchState:
            counts = tf.constant(first + 1), tf.constant(steps)
            return advance(state, rows, *sizes, *counts)

        return advance_shrinking(
            begin(rows, *sizes),
            rows,
            run,
            finished=lambda state: state.value > 0,
            result=lambda state: state.x_adv,
            num_steps=self.num_queries - 1,
        )

    @property
    def _key(self) -> tf.Tensor:
        return tf.constant(self.seed, tf.int64)

    def _compiled(
        self, classifier: Any, x: tf.Tensor
    ) -> tuple[Callable, Callable]:
        images = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        ints = tf.TensorSpec((None,), tf.int64)
        rows = _Rows(images, ints, ints)
        state = SearchState(images, tf.TensorSpec((None,), tf.float32))
        scalar, seed = tf.TensorSpec((), x.dtype), tf.TensorSpec((), tf.int64)
        count = tf.TensorSpec((), tf.int32)
        # Neither radius nor seed is part of the graphs.
        shape = dataclasses.replace(self.with_radius(0.0), seed=0)
        key = (shape, images)
        return (
            compiled(
                classifier,
                ("square", *key),
                self._build_begin,
                [rows, scalar, seed],
            ),
            compiled(
                classifier,
                ("squares", *key),
                self._build_advance,
                [state, rows, scalar, seed, count, count],
            ),
        )

    def _build_begin(self, model: Any) -> Callable:
        def begin(
            rows: _Rows, epsilon: tf.Tensor, seed: tf.Tensor
        ) -> SearchState:
            ball = self.threat_model.with_epsilon(epsilon)
            signs = _stripes(rows.x, seed, rows.ids)
            x_adv = ball.project(rows.x + epsilon * signs, rows.x)
            return SearchState(x_adv, _look(model, x_adv, rows.y))

        return begin

    def _build_advance(self, model: Any) -> Callable:
        def advance(
            state: SearchState,
            rows: _Rows,
            epsilon: tf.Tensor,
            seed: tf.Tensor,
            first: tf.Tensor,
            num_steps: tf.Tensor,
        ) -> SearchState:
            ball = self.threat_model.with_epsilon(epsilon)
            shape = rows.x.shape[1:]
            sides = _sides(shape, self.num_queries, self.initial_share)
            table, count = tf.constant(sides), 2 + _sizes(shape)[2]

            def body(
                query: tf.Tensor, state: SearchState
            ) -> tuple[tf.Tensor, SearchState]:
                draws = hashed_uniform(seed, rows.ids, query, count)
                signs = _square(rows.x, draws, table[query], self.reaches_edge)
                tried = state.x_adv + 2.0 * epsilon * signs
                tried = ball.project(tried, rows.x)
                return query + 1, _better(model, state, tried, rows.y)

            _, state = tf.while_loop(
                lambda *_: True,
                body,
                (first, state),
                maximum_iterations=num_steps,
            )
            return state

        return advance


def _look(model: Any, x_adv: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return margins; a point whose logits aren't finite is no success."""
    values = tf.cast(margin(y, model(x_adv, training=False)), tf.float32)
    lost = tf.fill(tf.shape(values), -float("inf"))
    return tf.where(tf.math.is_finite(values), values, lost)


def _better(
    model: Any, state: SearchState, tried: tf.Tensor, y: tf.Tensor
) -> SearchState:
    """Return the state with these points where they are no worse."""
    values = _look(model, tried, y)
    better = (values > state.value) | (values >= 0)
    rows = per_example(better, tried) > 0
    return SearchState(
        tf.where(rows, tried, state.x_adv),
        tf.where(better, values, state.value),
    )


def _sizes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (height, width, channels); flat inputs are one row."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return 1, math.prod(shape), 1


def _sides(
    shape: tuple[int, ...], num_queries: int, initial_share: float
) -> np.ndarray:
    """Return (height, width) of the square of each query."""
    height, width, _ = _sizes(shape)
    sides = np.ones((num_queries, 2), np.int32)
    for query in range(num_queries):
        halvings = sum(query > at for at in _HALVINGS)
        pixels = initial_share * 0.5**halvings * height * width
        tall = min(max(round(math.sqrt(pixels)), 1), height)
        broad = tall if height == width else round(pixels / tall)
        sides[query] = tall, min(max(broad, 1), width)
    return sides


def _stripes(x: tf.Tensor, seed: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Return +-1 per column and channel, of `x`'s shape."""
    height, width, channels = _sizes(x.shape[1:])
    draws = hashed_uniform(seed, ids, 0, width * channels)
    signs = tf.reshape(_signs(draws, x.dtype), (-1, 1, width, channels))
    signs = tf.tile(signs, (1, height, 1, 1))
    return tf.reshape(signs, tf.shape(x))


def _square(
    x: tf.Tensor, draws: tf.Tensor, side: tf.Tensor, reaches_edge: bool
) -> tf.Tensor:
    """Return +-1 per channel in one square of each example, else 0."""
    height, width, _ = _sizes(x.shape[1:])
    inside_rows = _interval(draws[:, 0], side[0], height, reaches_edge)
    inside_columns = _interval(draws[:, 1], side[1], width, reaches_edge)
    inside = inside_rows[:, :, None] & inside_columns[:, None, :]
    signs = _signs(draws[:, 2:], x.dtype)[:, None, None, :]
    square = tf.cast(inside, x.dtype)[..., None] * signs
    return tf.reshape(square, tf.shape(x))


def _interval(
    draw: tf.Tensor, length: tf.Tensor, total: int, reaches_edge: bool
) -> tf.Tensor:
    """Return where a random interval of this length lies, (batch, total)."""
    places = tf.maximum(total - length + int(reaches_edge), 1)
    places = tf.cast(places, tf.float32)
    start = tf.cast(draw * places, tf.int32)[:, None]
    at = tf.range(total)[None, :]
    return (at >= start) & (at < start + length)


def _signs(draws: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.where(draws < 0.5, tf.constant(-1, dtype), tf.constant(1, dtype))
