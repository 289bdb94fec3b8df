"""Square: a random search that asks for logits only.

Andriushchenko, Croce, Flammarion and Hein, 2020, Square attack: a
query-efficient black-box adversarial attack via random search,
https://arxiv.org/abs/1912.00049
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any
from typing import NamedTuple
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_seed
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.square_l2 import L2Moves
from tfrobust.attacks.square_linf import LinfMoves
from tfrobust.attacks.square_windows import Search
from tfrobust.attacks.working_set import advance_shrinking
from tfrobust.attacks.working_set import work
from tfrobust.objectives import Margin
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import per_example
from tfrobust.threat_model import NormBall


class Moves(Protocol):
    """Which points a search looks at."""

    def __init__(
        self,
        shape: tuple[int, ...],
        num_queries: int,
        initial_share: float,
        reaches_edge: bool,
    ) -> None: ...

    def first(self, search: Search) -> tf.Tensor:
        """Return the point of the first query."""
        ...

    def later(
        self, search: Search, x_adv: tf.Tensor, query: tf.Tensor
    ) -> tf.Tensor:
        """Return the point of a later query, from the best so far."""
        ...


_MOVES: dict[Norm, type[Moves]] = {"inf": LinfMoves, 2: L2Moves}


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
    """Random search over squares; asks for no gradient.

    l-inf: begins with vertical stripes of +-epsilon; each query sets one
    square, of a share of the pixels that falls on the authors' schedule, to
    +-epsilon in each channel. l2: begins with a grid of bumps; each query
    moves the strength of two such squares into one, with a bump on it. A
    query is kept if the margin falls. An example's squares are keyed by
    (seed, example id, query): its own, and the same in any batch. Without
    gradients it sees through masked ones.

    Args:
        threat_model: ball of norm "inf" or 2, and box; l2 needs images of
            at least 5 x 5 pixels.
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
        if self.threat_model.norm not in _MOVES:
            raise ValueError(
                "Square takes norm 2 or inf. "
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

    @property
    def most_work(self) -> int:
        """See base class."""
        return work(self.num_queries, ("forward",))

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
            needs=("forward",),
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

    def _moves(self, shape: tuple[int, ...]) -> Moves:
        moves = _MOVES[self.threat_model.norm]
        share, edge = self.initial_share, self.reaches_edge
        return moves(shape, self.num_queries, share, edge)

    def _build_begin(self, model: Any) -> Callable:
        def begin(
            rows: _Rows, epsilon: tf.Tensor, seed: tf.Tensor
        ) -> SearchState:
            ball = self.threat_model.with_epsilon(epsilon)
            moves = self._moves(rows.x.shape[1:])
            x_adv = moves.first(Search(rows.x, rows.ids, seed, ball))
            values = _look(model, x_adv, rows.y)
            # Where the first point has no logits the image itself remains.
            finite = per_example(tf.math.is_finite(values), x_adv) > 0
            x_adv = tf.where(finite, x_adv, rows.x)
            return SearchState(x_adv, values)

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
            moves = self._moves(rows.x.shape[1:])
            search = Search(rows.x, rows.ids, seed, ball)

            def body(
                query: tf.Tensor, state: SearchState
            ) -> tuple[tf.Tensor, SearchState]:
                tried = moves.later(search, state.x_adv, query)
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
