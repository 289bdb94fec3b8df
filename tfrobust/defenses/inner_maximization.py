"""A defense whose x' comes from projected gradient ascent of its own."""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.attacks.pgd import PGD
from tfrobust.attacks.starts import Start
from tfrobust.attacks.starts import UniformStart
from tfrobust.defenses.base import RobustModel
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.ops.norms import Norm
from tfrobust.threat_model import NormBall


@keras.saving.register_keras_serializable("tfrobust.defenses")
class InnerMaximization(RobustModel):
    """`RobustModel` that makes its attack, PGD, from plain settings.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative.
        norm: 1, 2 or "inf" (default).
        step_size: of the inner ascent; default 2.5 * epsilon / num_steps.
        num_steps: of the inner ascent; default 10.
        random_start: default `UniformStart()`; `None` starts at x.
        objective: of the inner ascent; default `CrossEntropy()`.
        bounds: box of the training images and of the attack; default
            (0, 1), `None` for no box.
        **kwargs: as `RobustModel`, but for `attack`.
    """

    makes: tuple[str, ...] = ("attack",)

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        norm: Norm = "inf",
        step_size: float | None = None,
        num_steps: int = 10,
        random_start: Start | None = UniformStart(),
        objective: Objective = CrossEntropy(),
        bounds: tuple[float, float] | None = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        if "attack" in kwargs:
            raise ValueError(
                f"`{type(self).__name__}` makes its attack from epsilon, "
                "num_steps, step_size and norm; give those. "
                f"Received: attack={kwargs['attack']!r}"
            )
        attack = PGD(
            NormBall(norm, epsilon=epsilon, bounds=bounds),
            step_size=step_size,
            num_steps=num_steps,
            random_start=random_start,
            objective=objective,
        )
        super().__init__(classifier, attack=attack, bounds=bounds, **kwargs)
        self.epsilon = epsilon
        self.norm = norm
        self.step_size = step_size
        self.num_steps = num_steps
        self.random_start = random_start
        self.objective = objective
