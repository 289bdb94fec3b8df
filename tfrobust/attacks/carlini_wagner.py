"""The l2 attack of Carlini and Wagner.

Carlini and Wagner, 2017, Towards evaluating the robustness of neural
networks, https://arxiv.org/abs/1608.04644
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.nearest import is_broken
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.nearest import no_point_yet
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import margin
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import per_example
from tfrobust.ops.norms import squared_l2_norm
from tfrobust.threat_model import NormBall

_BETA_1, _BETA_2, _TINY = 0.9, 0.999, 1e-8
_INSIDE = 0.999999
_NO_GAIN = 0.9999


class _Descent(NamedTuple):
    """Adam in the space whose tanh is the image; one run per constant."""

    w: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor
    steps: tf.Tensor
    last_loss: tf.Tensor
    broken: tf.Tensor


class _State(NamedTuple):
    descent: _Descent
    constant: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    searches: tf.Tensor
    best: Nearest


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class CarliniWagner(NearestPointAttack):
    """Adam on ||x' - x||^2 + c max(z_y - max_{i != y} z_i + kappa, 0).

    The box is kept by x' = tanh(w). Each example searches its own c, and its
    runs end by themselves: at a tenth of the run, if its loss fell by less
    than 1 in 10,000 since the last look. The first look is at the end of the
    first tenth (ours: the authors and Foolbox look at the first step, too,
    give up a tenth sooner and find points a little farther). No example waits
    for another.

    Args:
        threat_model: ball of norm 2, and a box; see `NearestPointAttack`.
        num_searches: values of c that an example tries, at least 1; default
            9: times 10 until something is found, bisection then.
        max_iterations: of Adam for each c, at least 1; default 1000.
        learning_rate: positive; default 0.01.
        initial_constant: first c, positive; default 0.001.
        kappa: margin to reach, non-negative; default 0.
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    num_searches: int = 9
    max_iterations: int = 1000
    learning_rate: float = 0.01
    initial_constant: float = 1e-3
    kappa: float = 0.0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model, finite=False)
        ball = self.threat_model
        if ball.norm != 2 or ball.bounds is None:
            raise ValueError(
                "CarliniWagner takes norm 2 and a box. "
                f"Received: norm={ball.norm!r}, bounds={ball.bounds!r}"
            )
        check_integer("num_searches", self.num_searches, minimum=1)
        check_integer("max_iterations", self.max_iterations, minimum=1)
        check_positive("learning_rate", self.learning_rate)
        check_positive("initial_constant", self.initial_constant)
        check_non_negative("kappa", self.kappa)

    @property
    def num_steps(self) -> int:  # type: ignore[override]
        """Iterations of all searches together, at most."""
        return self.num_searches * self.max_iterations

    def begin(self, rows: Rows) -> _State:
        """See base class."""
        best = no_point_yet(rows.x)
        zeros = tf.zeros_like(best.distance)
        return _State(
            _fresh(rows.x, self.threat_model),
            zeros + self.initial_constant,
            zeros,
            best.distance,
            tf.zeros_like(zeros, tf.int32),
            best,
        )

    def has_ended(self, state: _State) -> tf.Tensor:
        """See base class; every constant has been tried."""
        return state.searches >= self.num_searches

    def step(self, problem: Problem, state: _State, index: tf.Tensor) -> _State:
        """See base class; one step of Adam, and at a run's end the next c."""
        del index
        descent, loss, x_adv, broken = self._descend(problem, state)
        broken &= state.searches < self.num_searches
        best = nearer(state.best, x_adv, broken, problem)
        descent = descent._replace(broken=descent.broken | broken)
        tenth = max(self.max_iterations // 10, 1)
        look = descent.steps % tenth == 0
        stuck = look & (loss > _NO_GAIN * descent.last_loss)
        last_loss = tf.where(look, loss, descent.last_loss)
        descent = descent._replace(last_loss=last_loss)
        over = stuck | (descent.steps >= self.max_iterations)
        state = _next_constant(state._replace(best=best), descent.broken, over)
        fresh = _fresh(problem.rows.x, problem.ball)
        descent = tf.nest.map_structure(
            lambda new, old: tf.where(_like(over, old), new, old),
            fresh,
            descent,
        )
        return state._replace(descent=descent)

    def _descend(
        self, problem: Problem, state: _State
    ) -> tuple[_Descent, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the descent after a step of Adam, and what was seen."""
        model, ball, rows = problem
        descent, x = state.descent, rows.x
        anchor = _image(_to_w(x, ball), ball)

        def score(w: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            x_adv = _image(w, ball)
            logits = model(x_adv, training=False)
            short = self.kappa - margin(rows.labels, logits)
            wanted = tf.cast(tf.maximum(short, 0.0), x.dtype)
            size = tf.cast(squared_l2_norm(x_adv - anchor), x.dtype)
            return size + state.constant * wanted, logits

        loss, logits, gradient = value_and_gradient(score, descent.w)
        x_adv = _image(descent.w, ball)
        steps = descent.steps + 1
        count = tf.cast(steps, x.dtype)
        mean = _BETA_1 * descent.mean + (1 - _BETA_1) * gradient
        square = _BETA_2 * descent.square
        square += (1 - _BETA_2) * tf.square(gradient)
        first = per_example(1.0 - _BETA_1**count, x)
        second = per_example(1.0 - _BETA_2**count, x)
        step = mean / first / (tf.sqrt(square / second) + _TINY)
        descent = descent._replace(
            w=descent.w - self.learning_rate * step,
            mean=mean,
            square=square,
            steps=steps,
        )
        broken = is_broken(rows.labels, logits)
        if self.kappa > 0:
            broken &= margin(rows.labels, logits) >= self.kappa
        return descent, loss, x_adv, broken


def _next_constant(state: _State, broken: tf.Tensor, over: tf.Tensor) -> _State:
    """Return the state with the next c where a run is over."""
    low = tf.where(over & ~broken, state.constant, state.low)
    high = tf.where(over & broken, state.constant, state.high)
    bisected = tf.where(
        tf.math.is_finite(high), (low + high) / 2, 10.0 * state.constant
    )
    return state._replace(
        low=low,
        high=high,
        constant=tf.where(over, bisected, state.constant),
        searches=state.searches + tf.cast(over, tf.int32),
    )


def _fresh(x: tf.Tensor, ball: NormBall) -> _Descent:
    """Return a descent that begins at x."""
    zeros, rows = tf.zeros_like(x), tf.shape(x)[:1]
    return _Descent(
        w=_to_w(x, ball),
        mean=zeros,
        square=zeros,
        steps=tf.zeros(rows, tf.int32),
        last_loss=tf.fill(rows, tf.constant(float("inf"), x.dtype)),
        broken=tf.fill(rows, False),
    )


def _to_w(x: tf.Tensor, ball: NormBall) -> tf.Tensor:
    low, high = ball.bounds  # type: ignore[misc]
    return tf.atanh(_INSIDE * (2.0 * (x - low) / (high - low) - 1.0))


def _image(w: tf.Tensor, ball: NormBall) -> tf.Tensor:
    low, high = ball.bounds  # type: ignore[misc]
    return low + (high - low) * (tf.tanh(w) + 1.0) / 2.0


def _like(rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    return tf.reshape(rows, (-1,) + (1,) * (t.shape.rank - 1))
