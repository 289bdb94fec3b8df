"""Attacks that climb an objective by its input gradient."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.attacks import ascent
from tfrobust.attacks.ascent import AscentState
from tfrobust.attacks.ascent import SteepestAscent
from tfrobust.attacks.ascent import StepRule
from tfrobust.attacks.base import Attack
from tfrobust.attacks.engine import AscentEngine
from tfrobust.attacks.starts import start_points
from tfrobust.attacks.working_set import advance_shrinking
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import work
from tfrobust.objectives import Objective
from tfrobust.ops.norms import scalar
from tfrobust.ops.sampling import Noise


class GradientAttack(Attack, abc.ABC):
    """Projected ascent: a start, a step rule, a step size, a budget.

    In evaluation the steps run in compiled chunks of rising length. Between
    chunks the broken examples leave the working set, so the cost follows
    what still stands; a restart begins with the survivors of the last. With
    `keep_best=False` it does as training does: all steps on every example,
    misclassified ones included, and the last iterate.
    """

    objective: Objective
    step_size: float | None
    num_steps: int
    num_restarts: int
    random_start: Any
    keep_best: bool
    seed: int

    @property
    def rule(self) -> StepRule:
        """How a gradient becomes a direction."""
        return SteepestAscent()

    @property
    @abc.abstractmethod
    def step_length(self) -> float:
        """Length of a step in the ball's norm, in input units."""

    @property
    def num_runs(self) -> int:
        """Runs on an example at most; here the restarts."""
        return self.num_restarts

    @property
    def most_work(self) -> int:
        """See base class."""
        return work(self.num_runs * self.num_steps, GRADIENT)

    @property
    def leaves_misclassified_alone(self) -> bool:
        """See base class."""
        return self.keep_best

    def perturb(
        self,
        classifier: Any,
        x: tf.Tensor,
        y: tf.Tensor,
        noise: Noise,
        *,
        scale: tf.Tensor | float = 1.0,
    ) -> tf.Tensor:
        """Return training points: every step, every example, last iterate.

        Args:
            classifier: maps (x, training) to logits; run in inference mode.
            x: images, shape (batch, ...).
            y: true integer labels, shape (batch,).
            noise: of the random start.
            scale: of radius and step, a number or scalar; default 1.
        """
        scale = scalar(scale, x.dtype)
        radius = scalar(self.threat_model.epsilon, x.dtype)
        ball = self.threat_model.with_epsilon(radius * scale)
        labels = y
        if self.objective.chooses_labels:
            labels = self.objective.labels(y, classifier(x, training=False))
        return ascent.maximize(
            self.objective(classifier, x, labels),
            x,
            ball=ball,
            start=start_points(self.random_start, ball, x, noise),
            step_size=scalar(self.step_length, x.dtype) * scale,
            num_steps=self.num_steps,
            rule=self.rule,
        )

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class."""
        found = x.numpy()
        value = np.full(len(found), -np.inf)
        standing = np.arange(len(found))
        for run, run_labels in enumerate(self.runs(classifier, x, labels)):
            rows = (x, run_labels, example_ids)
            points, values, success = self._climb(
                classifier, *(tf.gather(t, standing) for t in rows), run=run
            )
            better = success | (values > value[standing])
            found[standing[better]] = points[better]
            value[standing[better]] = values[better]
            standing = standing[~success]
            if not standing.size:
                break
        return found

    def runs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return the labels that each run works with; here the restarts'."""
        del classifier, x
        return [labels] * self.num_restarts

    def _climb(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
        *,
        run: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run once; return (points, values, success), rows in order."""
        engine = self._engine(classifier, x, labels)

        def advance(
            state: AscentState, rows: Any, first: int, steps: int
        ) -> AscentState:
            state = engine.advance(state, *rows, first=first, steps=steps)
            last = first + steps == self.num_steps
            return engine.finish(state, *rows) if last else state

        return advance_shrinking(
            engine.begin(x, example_ids, self.seed, run),
            (x, labels),
            advance,
            finished=lambda state: state.success,
            result=lambda state: (state.best, state.best_value, state.success),
            num_steps=self.num_steps,
            shrinks=self.keep_best,
        )

    def _engine(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> AscentEngine:
        return AscentEngine(
            classifier,
            x,
            labels,
            ball=self.threat_model,
            objective=self.objective,
            rule=self.rule,
            start=self.random_start,
            step_size=self.step_length,
            keep_best=self.keep_best,
        )
