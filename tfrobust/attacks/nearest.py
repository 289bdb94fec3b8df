"""Attacks that look for the nearest adversarial point of each example."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfrobust.attacks.base import Attack
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.working_set import advance_shrinking
from tfrobust.attacks.working_set import FIRST_CHUNK
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import work
from tfrobust.objectives import Margin
from tfrobust.objectives import Objective
from tfrobust.ops.norms import per_example
from tfrobust.threat_model import NormBall


class Nearest(NamedTuple):
    """The nearest adversarial point so far and its distance, infinite yet."""

    point: tf.Tensor
    distance: tf.Tensor


class Rows(NamedTuple):
    """What stays as it is while an example is searched for."""

    x: tf.Tensor
    labels: tf.Tensor
    ids: tf.Tensor


class Problem(NamedTuple):
    """What a step is asked to solve; `ball` has no radius."""

    model: Any
    ball: NormBall
    rows: Rows


def nearer(
    best: Nearest, points: tf.Tensor, broken: tf.Tensor, problem: Problem
) -> Nearest:
    """Return `best` with these points where they are broken and nearer."""
    distance = problem.ball.perturbation_norm(points, problem.rows.x)
    distance = tf.cast(distance, best.distance.dtype)
    better = broken & (distance < best.distance)
    return Nearest(
        tf.where(per_example(better, points) > 0, points, best.point),
        tf.where(better, distance, best.distance),
    )


def is_broken(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Say which rows are misclassified; logits that aren't finite are not."""
    finite = tf.reduce_all(tf.math.is_finite(logits), axis=1)
    return finite & (tf.argmax(logits, 1, output_type=labels.dtype) != labels)


class NearestPointAttack(Attack, abc.ABC):
    """Search for a small perturbation, with no ball to stay in.

    A point counts if it lies in the threat model's ball, whose radius may be
    infinite (`NormBall(2, epsilon=math.inf)`): then every adversarial point
    counts, and `AttackResult.perturbation_norm` is what the attack is for.
    With a finite radius an example leaves as soon as a point in the ball is
    found: the verdict is the same, for less.
    """

    num_steps: int
    needs: ClassVar[tuple[str, ...]] = GRADIENT
    """Calls of the classifier that a step can't avoid; see `watched`."""

    @property
    def objective(self) -> Objective:
        """The margin: any wrong class is a success."""
        return Margin()

    @property
    def num_runs(self) -> int:
        """Runs on an example at most; here one."""
        return 1

    @property
    def most_work(self) -> int:
        """See base class."""
        return work(self.num_runs * self.num_steps, self.needs)

    @abc.abstractmethod
    def begin(self, rows: Rows) -> Any:
        """Return the state before the first step, with a field `best`."""

    @abc.abstractmethod
    def step(self, problem: Problem, state: Any, index: tf.Tensor) -> Any:
        """Return the state one step later; compiled."""

    def runs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return the labels that each run works with; here one run."""
        del classifier, x
        return [labels]

    def restarted(
        self, state: Any, rows: Rows, run: int, reach: tf.Tensor
    ) -> Any:
        """Return what run number `run` begins with; here always the same.

        Args:
            state: what `begin` returned.
            rows: the examples.
            run: from 0.
            reach: distance of the nearest point known, or the radius where
                that is smaller, shape (batch,); may be infinite.
        """
        del rows, run, reach
        return state

    def has_ended(self, state: Any) -> tf.Tensor:
        """Say which rows need no more steps whatever the radius; here none."""
        return tf.zeros_like(state.best.distance, tf.bool)

    @property
    def chunk(self) -> int:
        """Steps before the first look at who has ended."""
        return FIRST_CHUNK

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class; where nothing is in the ball, x."""
        found, nearest = x.numpy(), np.full(len(x), np.inf)
        standing, radius = np.arange(len(x)), self.threat_model.epsilon
        for run, run_labels in enumerate(self.runs(classifier, x, labels)):
            rows = Rows(
                *(tf.gather(t, standing) for t in (x, run_labels, example_ids))
            )
            reach = np.minimum(nearest[standing], radius)
            reach = tf.constant(reach, x.dtype)
            state = self.restarted(self.begin(rows), rows, run, reach)
            best = self._run(classifier, rows, state)
            closer = best.distance < nearest[standing]
            inside = closer & (best.distance <= radius)
            found[standing[inside]] = best.point[inside]
            nearest[standing[closer]] = best.distance[closer]
            if math.isfinite(radius):
                standing = standing[~inside]
            if not standing.size:
                break
        return found

    def _run(self, classifier: Any, rows: Rows, state: Any) -> Nearest:
        advance = self._compiled(classifier, state, rows)
        radius = self.threat_model.epsilon
        shrinks = math.isfinite(radius)

        def ended(state: Any) -> tf.Tensor:
            inside = state.best.distance <= radius
            return self.has_ended(state) | (inside & shrinks)

        return advance_shrinking(
            state,
            rows,
            lambda state, rows, first, steps: advance(
                state, rows, tf.constant(first), tf.constant(steps)
            ),
            finished=ended,
            result=lambda state: state.best,
            num_steps=self.num_steps,
            first_chunk=self.chunk,
            needs=self.needs,
        )

    def _compiled(self, classifier: Any, state: Any, rows: Rows) -> Callable:
        ball = self.threat_model.with_epsilon(0.0)
        counter = tf.TensorSpec((), tf.int32)
        signature = tf.nest.map_structure(_rows_of, (state, rows))

        def build(model: Any) -> Callable:
            def advance(
                state: Any, rows: Rows, first: tf.Tensor, steps: tf.Tensor
            ) -> Any:
                problem = Problem(model, ball, rows)

                def body(index: tf.Tensor, state: Any) -> tuple:
                    return index + 1, self.step(problem, state, index)

                _, state = tf.while_loop(
                    lambda *_: True,
                    body,
                    (first, state),
                    maximum_iterations=steps,
                )
                return state

            return advance

        return compiled(
            classifier,
            (
                "nearest",
                self.with_radius(0.0),
                tuple(tf.nest.flatten(signature)),
            ),
            build,
            [*signature, counter, counter],
        )


def no_point_yet(x: tf.Tensor) -> Nearest:
    """Return x itself, infinitely far: nothing was found."""
    far = tf.fill(tf.shape(x)[:1], tf.constant(float("inf"), x.dtype))
    return Nearest(x, far)


def _rows_of(t: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec((None, *t.shape[1:]), t.dtype)
