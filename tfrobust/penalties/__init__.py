"""Penalties: per-example terms on derivatives of the network."""

from tfrobust.penalties.base import Penalty
from tfrobust.penalties.input_gradient import GradientL1Norm
from tfrobust.penalties.input_gradient import SquaredGradientNorm

__all__ = ["GradientL1Norm", "Penalty", "SquaredGradientNorm"]
