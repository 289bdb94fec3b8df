"""Pure tensor functions: everything here is per example."""

from tfrobust.ops import differentiation
from tfrobust.ops import norms
from tfrobust.ops import principal_components
from tfrobust.ops import projections
from tfrobust.ops import replicas
from tfrobust.ops import sampling
from tfrobust.ops import spectral

__all__ = [
    "differentiation",
    "norms",
    "principal_components",
    "projections",
    "replicas",
    "sampling",
    "spectral",
]
