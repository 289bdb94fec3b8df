"""Pure tensor functions: everything here is per example."""

from tfrobust.ops import differentiation
from tfrobust.ops import norms
from tfrobust.ops import projections
from tfrobust.ops import sampling

__all__ = ["differentiation", "norms", "projections", "sampling"]
