"""Regularisation of the decision function's Jacobian.

Yu, Liu, Wang and Chen, 2018, Interpreting adversarial robustness: a view from
decision surface in input space, https://arxiv.org/abs/1810.00144
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_non_negative
from tfrobust.objectives import margin
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import l1_norm
from tfrobust.ops.norms import linf_norm
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import NORMS
from tfrobust.ops.norms import squared_l2_norm
from tfrobust.penalties.base import Penalty

_SIZES = {1: l1_norm, 2: squared_l2_norm, "inf": linf_norm}


@keras.saving.register_keras_serializable("tfrobust.penalties")
@dataclasses.dataclass(frozen=True)
class DecisionJacobian(Penalty):
    """weight * R(dS(x)/dx), S = z_y - max_{i != y} z_i.

    S is taken on logits: unlike cross-entropy's, its gradient does not
    vanish as the softmax saturates, which is the authors' argument.

    Args:
        weight: c, non-negative; the authors' 500 is in their own scaling of
            pixels and norm, so search it.
        norm: R: 1 (default) is the l1 norm, 2 the *squared* l2 norm, "inf"
            the largest entry. The authors do not say which is theirs.
    """

    weight: float
    norm: Norm = 1

    def __post_init__(self) -> None:
        check_non_negative("weight", self.weight)
        check_choice("norm", self.norm, NORMS)

    @property
    def name(self) -> str:
        """See base class."""
        return "decision_jacobian"

    def __call__(self, y: tf.Tensor, forward: Forward) -> tf.Tensor:
        """See base class."""
        # The margin is -S; R doesn't mind.
        return self.weight * _SIZES[self.norm](forward.gradient(margin, y))
