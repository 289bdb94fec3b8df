"""Why a model behaves as it does: objects in, records out."""

from tfrobust.analysis.curvature import curvature
from tfrobust.analysis.flatness import local_flatness
from tfrobust.analysis.gradient_leaking import gradient_leaking
from tfrobust.analysis.gradient_leaking import mean_shares
from tfrobust.analysis.indicators import indicators
from tfrobust.analysis.surfaces import input_surface
from tfrobust.analysis.surfaces import least_likely_axis
from tfrobust.analysis.surfaces import loss_axis
from tfrobust.analysis.surfaces import random_axis
from tfrobust.analysis.surfaces import trajectory

__all__ = [
    "curvature",
    "gradient_leaking",
    "indicators",
    "input_surface",
    "least_likely_axis",
    "local_flatness",
    "loss_axis",
    "mean_shares",
    "random_axis",
    "trajectory",
]
