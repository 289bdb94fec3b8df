"""Layers of networks and defenses."""

from tfrobust.layers.exact_normalization import ExactGroupNormalization
from tfrobust.layers.exact_normalization import ExactLayerNormalization
from tfrobust.layers.exact_normalization import inexact_layers
from tfrobust.layers.exact_normalization import warn_if_inexact
from tfrobust.layers.exact_normalization import with_exact_normalization

__all__ = [
    "ExactGroupNormalization",
    "ExactLayerNormalization",
    "inexact_layers",
    "warn_if_inexact",
    "with_exact_normalization",
]
