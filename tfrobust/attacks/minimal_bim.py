"""The basic iterative method at the least radius that breaks an example.

Kurakin et al., 2017, https://arxiv.org/abs/1607.02533, in l2, with the search
over radii of Foolbox 2.3.0 (`L2BasicIterativeAttack`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import unit
from tfrobust.threat_model import NormBall


class _State(NamedTuple):
    x_adv: tf.Tensor
    taken: tf.Tensor
    radius: tf.Tensor
    failed: tf.Tensor
    worked: tf.Tensor
    searches: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class MinimalBIM(NearestPointAttack):
    """BIM in l2 at radii that grow until it works, then halve the interval.

    Each example has a radius of its own, and goes on to the next as soon as
    it is broken; what counts is the nearest point of all runs.

    Args:
        threat_model: ball of norm 2, and box; see `NearestPointAttack`.
        num_iterations: steps at each radius, at least 1; default 10
            (Foolbox 2.3.0).
        initial_radius: the first radius, positive, in input units; default
            0.3.
        relative_step: length of a step over the radius, positive; default
            1 / 6.
        num_searches: of growing radii, by 1.5, and of halvings, at least 1;
            default 20 each.
        root_mean_square: whether `initial_radius` bounds the root of the
            mean square over all entries, as Foolbox 2.3.0 has it, and not
            the l2 norm; default False.

    Example:

    >>> ball = NormBall(2, epsilon=float("inf"))
    >>> MinimalBIM(ball, num_iterations=4).num_steps
    200
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_iterations: int = 10
    initial_radius: float = 0.3
    relative_step: float = 1 / 6
    num_searches: int = 20
    root_mean_square: bool = False

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        if self.threat_model.norm != 2:
            raise ValueError(
                "MinimalBIM takes norm 2. "
                f"Received: norm={self.threat_model.norm!r}"
            )
        check_integer("num_iterations", self.num_iterations, minimum=1)
        check_integer("num_searches", self.num_searches, minimum=1)
        check_positive("initial_radius", self.initial_radius)
        check_positive("relative_step", self.relative_step)

    @property
    def num_steps(self) -> int:  # type: ignore[override]
        """Looks at most: each search ends with one at its last point."""
        return 2 * self.num_searches * (self.num_iterations + 1)

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        x = rows.x
        best = no_point_yet(x)
        first = self.initial_radius
        if self.root_mean_square:
            first *= math.sqrt(math.prod(x.shape[1:]))
        zeros = tf.zeros_like(best.distance)
        count = tf.zeros(tf.shape(zeros), tf.int32)
        return _State(
            x_adv=x,
            taken=count,
            radius=tf.fill(tf.shape(zeros), tf.constant(first, x.dtype)),
            failed=zeros,
            worked=best.distance,
            searches=count,
            best=best,
        )

    def has_ended(self, state: _State) -> tf.Tensor:
        """See base class."""
        grew = ~tf.math.is_finite(state.worked)
        halved = state.searches >= 2 * self.num_searches
        return halved | (grew & (state.searches >= self.num_searches))

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class."""
        del index
        model, ball, rows = problem
        x, here = rows.x, state.x_adv
        score = CrossEntropy()(model, x, rows.labels)
        _, logits, gradient = value_and_gradient(score, here)
        going = ~self.has_ended(state)
        broken = is_broken(rows.labels, logits) & (state.taken > 0) & going
        best = nearer(state.best, here, broken, problem)
        over = broken | ((state.taken == self.num_iterations) & going)
        size = per_example(self.relative_step * state.radius, x)
        moved = here + size * unit(gradient, 2)
        moved = ball.with_epsilon(state.radius).project(moved, x)
        state = state._replace(
            x_adv=tf.where(per_example(over, x) > 0, x, moved),
            taken=tf.where(over, 0, state.taken + 1),
            best=best,
        )
        return self._next_radius(state, broken, over)

    def _next_radius(
        self, state: _State, broken: tf.Tensor, over: tf.Tensor
    ) -> _State:
        """Return the state with new radii where a search is over."""
        worked = tf.where(broken, state.radius, state.worked)
        halves = tf.math.is_finite(worked)
        lost = over & ~broken & tf.math.is_finite(state.worked)
        failed = tf.where(lost, state.radius, state.failed)
        first = broken & ~tf.math.is_finite(state.worked)
        searches = tf.where(
            first, self.num_searches, state.searches + tf.cast(over, tf.int32)
        )
        radius = tf.where(halves, (worked + failed) / 2.0, 1.5 * state.radius)
        return state._replace(
            radius=tf.where(over, radius, state.radius),
            failed=failed,
            worked=worked,
            searches=searches,
        )
