"""Projected gradient descent and its one-step and momentum relatives."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.ascent import Momentum
from tfrobust.attacks.ascent import StepRule
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.attacks.starts import Start
from tfrobust.attacks.starts import UniformStart
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import tell
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.threat_model import NormBall


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class PGD(GradientAttack):
    """Projected gradient descent (ascent, on the objective).

    Args:
        threat_model: ball and box.
        step_size: length of a step in the ball's norm, input units; default
            2.5 * epsilon / num_steps (the `robustness` library's), positive.
        num_steps: at least 1; default 40.
        num_restarts: runs with fresh noise on what still stands; default 1.
        random_start: `UniformStart()` (default), `GaussianStart(stddev)` or
            `None`: begin at x.
        objective: what to climb; default `CrossEntropy()`.
        keep_best: keep each example's best point and stop working on broken
            ones (default). False: last iterate of all steps on every
            example, as training does and as many papers report.
        seed: of the random starts, in [0, 2**32); default 0.

    Raises:
        ValueError: at once, for a value out of range.

    References:
        Madry et al., 2018, https://arxiv.org/abs/1706.06083

    Example:

    >>> ball = NormBall("inf", epsilon=0.1)
    >>> PGD(ball, num_steps=10).step_length
    0.025
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    step_size: float | None = None
    num_steps: int = 40
    num_restarts: int = 1
    random_start: Start | None = UniformStart()
    objective: Objective = CrossEntropy()
    keep_best: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model)
        check_type(
            "objective", self.objective, Objective, example="CrossEntropy()"
        )
        if self.random_start is not None and not callable(self.random_start):
            raise ValueError(
                "`random_start` must be UniformStart(), GaussianStart(stddev) "
                f"or None. Received: random_start={self.random_start!r}"
            )
        if self.random_start is None and not self.objective.moves_at_clean:
            raise ValueError(
                f"{self.objective} needs a random start: value and gradient "
                "vanish at x. Received: random_start=None"
            )
        if self.step_size is not None:
            check_positive("step_size", self.step_size)
        check_integer("num_steps", self.num_steps, minimum=1)
        check_integer("num_restarts", self.num_restarts, minimum=1)
        check_seed(self.seed)
        if self.num_restarts > 1 and self.random_start is None:
            raise ValueError(
                "`num_restarts` above 1 needs a random start, or every run "
                f"is the same. Received: num_restarts={self.num_restarts}"
            )

    @property
    def step_length(self) -> float:
        """See base class."""
        if self.step_size is not None:
            return self.step_size
        return 2.5 * self.threat_model.epsilon / self.num_steps

    def with_radius(self, epsilon: float) -> Any:
        """See base class; a step size given as a number is scaled along."""
        attack, before = super().with_radius(epsilon), self.threat_model.epsilon
        if self.step_size is None or not before or not epsilon:
            return attack
        step_size = self.step_size * epsilon / before
        return dataclasses.replace(attack, step_size=step_size)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class BIM(PGD):
    """Basic iterative method: PGD that begins at x itself.

    Arguments as in `PGD`, with num_steps = 10, step_size = epsilon /
    num_steps and no random start by default.

    References:
        Kurakin et al., 2017, https://arxiv.org/abs/1607.02533
    """

    _: dataclasses.KW_ONLY
    num_steps: int = 10
    random_start: Start | None = None

    @property
    def step_length(self) -> float:
        """See base class."""
        if self.step_size is not None:
            return self.step_size
        return self.threat_model.epsilon / self.num_steps


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class MIFGSM(BIM):
    """Momentum iterative FGSM: BIM along accumulated gradients.

    Args:
        momentum: share of the past kept at each step, non-negative; default
            1 (LFR's script: 0.1). The rest as in `BIM`.

    References:
        Dong et al., 2018, https://arxiv.org/abs/1710.06081
    """

    _: dataclasses.KW_ONLY
    momentum: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_non_negative("momentum", self.momentum)

    @property
    def rule(self) -> StepRule:
        """See base class."""
        return Momentum(self.momentum)


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class FGSM(PGD):
    """One step of steepest ascent to the sphere (FGM with a 2-ball).

    In l1 one step moves one entry, and no further than the box lets it.

    Args:
        threat_model: ball and box.
        step_size: default epsilon; Wong et al.'s fast variant takes
            1.25 * epsilon after a uniform start.
        random_start: default `None`. The rest as in `PGD`, with one step.

    References:
        Goodfellow et al., 2015, https://arxiv.org/abs/1412.6572;
        Wong et al., 2020, https://arxiv.org/abs/2001.03994
    """

    _: dataclasses.KW_ONLY
    num_steps: int = 1
    random_start: Start | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_steps != 1:
            raise ValueError(
                "`num_steps` of FGSM must be 1; use BIM for more. "
                f"Received: num_steps={self.num_steps}"
            )

    @property
    def step_length(self) -> float:
        """See base class."""
        if self.step_size is not None:
            return self.step_size
        return self.threat_model.epsilon

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """Return the points after the step; restarts keep the best of them.

        One step from x itself has nothing to choose from, so it needs no
        look at its end: the fresh forward pass will do.
        """
        if self.random_start is not None or not self.keep_best:
            return super().search(classifier, x, labels, example_ids)
        engine = self._engine(classifier, x, labels)
        tell(len(x), 1, GRADIENT)
        state = engine.begin(x, example_ids, self.seed, 0)
        return engine.advance(state, x, labels, first=0, steps=1).x_adv.numpy()


FGM = FGSM
