"""Gradient-norm regularisation, also called double backpropagation.

Drucker and Le Cun, 1992; Ross and Doshi-Velez, 2018,
https://arxiv.org/abs/1711.09404
"""

from __future__ import annotations

from typing import Any

import keras

from tfrobust.defenses.penalized import PenalizedModel
from tfrobust.penalties.input_gradient import GradientL1Norm
from tfrobust.penalties.input_gradient import SquaredGradientNorm


@keras.saving.register_keras_serializable("tfrobust.defenses")
class GradientNorm(PenalizedModel):
    """L(x, y) + (weight / 2) * ||dL(x)||_2^2, dL of the cross-entropy.

    Args:
        classifier: see `RobustModel`.
        weight: lambda, non-negative; required, for a good one depends on
            network and data: search it.
        **kwargs: as `RobustModel`; `penalties` are added, `attack` moves L.
    """

    def __init__(
        self, classifier: keras.Model, *, weight: float, **kwargs: Any
    ) -> None:
        own = SquaredGradientNorm(weight)
        super().__init__(classifier, own=own, **kwargs)


@keras.saving.register_keras_serializable("tfrobust.defenses")
class FirstOrderL1(PenalizedModel):
    """L(x, y) + weight * ||dL(x)||_1, local flatness at radius 0.

    dL is the gradient of the cross-entropy, whatever loss is compiled.

    Args:
        classifier: see `RobustModel`.
        weight: lambda, non-negative; required. With weight = epsilon it is
            L(x') of FGSM up to epsilon squared.
        **kwargs: as `RobustModel`; `penalties` are added, `attack` moves L.

    References:
        Simon-Gabriel et al., 2019, https://arxiv.org/abs/1802.01421
    """

    def __init__(
        self, classifier: keras.Model, *, weight: float, **kwargs: Any
    ) -> None:
        super().__init__(classifier, own=GradientL1Norm(weight), **kwargs)
