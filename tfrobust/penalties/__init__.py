"""Penalties: per-example terms on derivatives of the network."""

from tfrobust.penalties.base import Penalty
from tfrobust.penalties.decision_jacobian import DecisionJacobian
from tfrobust.penalties.input_gradient import GradientL1Norm
from tfrobust.penalties.input_gradient import SquaredGradientNorm
from tfrobust.penalties.structured_gradient import GradientPerturbation
from tfrobust.penalties.structured_gradient import SignPerturbation
from tfrobust.penalties.structured_gradient import StructuredGradient

__all__ = [
    "DecisionJacobian",
    "GradientL1Norm",
    "GradientPerturbation",
    "Penalty",
    "SignPerturbation",
    "SquaredGradientNorm",
    "StructuredGradient",
]
