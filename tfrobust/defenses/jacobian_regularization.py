"""Regularisation of the decision function's Jacobian, as a defense.

Yu, Liu, Wang and Chen, 2018, Interpreting adversarial robustness: a view from
decision surface in input space, https://arxiv.org/abs/1810.00144
"""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.defenses.penalized import PenalizedModel
from tfrobust.ops.norms import Norm
from tfrobust.penalties.decision_jacobian import DecisionJacobian


@keras.saving.register_keras_serializable("tfrobust.defenses")
class JacobianRegularization(PenalizedModel):
    """L(x, y) + weight * R(dS(x)/dx), S = z_y - max_{i != y} z_i.

    With `attack`, L is taken at x' and the penalty at x. The authors' "DS +
    AdvTrain" is `AdversarialTraining(classifier, epsilon=..., objective=
    Margin(), clean_weight=0.5, penalties=[DecisionJacobian(weight)])`; its
    half and what step it takes by default are ours.

    Args:
        classifier: see `RobustModel`.
        weight: c, non-negative; required: search it.
        norm: R: 1 (default, l1), 2 (squared l2) or "inf".
        **kwargs: as `RobustModel`; `penalties` are added, `attack` moves L.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        weight: float,
        norm: Norm = 1,
        **kwargs: Any,
    ) -> None:
        own = DecisionJacobian(weight, norm)
        super().__init__(classifier, own=own, **kwargs)
        self.norm = norm
