"""Gradient-norm regularisation, also called double backpropagation.

Drucker and Le Cun, 1992; Ross and Doshi-Velez, 2018,
https://arxiv.org/abs/1711.09404
"""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.defenses.base import RobustModel
from tfrobust.penalties.input_gradient import SquaredGradientNorm


@keras.saving.register_keras_serializable("tfrobust.defenses")
class GradientNorm(RobustModel):
    """L(x, y) + (weight / 2) * ||dL(x)||_2^2.

    Args:
        classifier: see `RobustModel`.
        weight: lambda, non-negative; required, for a good one depends on
            network and data: search it.
        penalties: further penalties; default none.
        **kwargs: as `RobustModel`.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        weight: float,
        penalties: Any = (),
        **kwargs: Any,
    ) -> None:
        own = SquaredGradientNorm(weight)
        # With weight 0 there is nothing to add, bit for bit.
        own_penalties = (own,) if weight > 0 else ()
        super().__init__(
            classifier, penalties=(*own_penalties, *penalties), **kwargs
        )
        self.weight = weight

    def get_config(self) -> dict[str, Any]:
        """See base class; the weight makes its own penalty again."""
        config = super().get_config()
        more = self.penalties[1:] if self.weight > 0 else self.penalties
        config["penalties"] = keras.saving.serialize_keras_object(more)
        return config
