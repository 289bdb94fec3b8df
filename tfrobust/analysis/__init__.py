"""Why a model behaves as it does: objects in, records out."""

from tfrobust.analysis.correlated_noise import accuracy_under_noise
from tfrobust.analysis.covariance import perturbation_covariance
from tfrobust.analysis.curvature import curvature
from tfrobust.analysis.curvature import num_products
from tfrobust.analysis.curvature_path import curvature_along
from tfrobust.analysis.features import center_cosines
from tfrobust.analysis.features import feature_analysis
from tfrobust.analysis.flatness import local_flatness
from tfrobust.analysis.gradient_leaking import gradient_leaking
from tfrobust.analysis.gradient_leaking import mean_shares
from tfrobust.analysis.poisoning import feature_poisoning
from tfrobust.analysis.softmax_path import softmax_path
from tfrobust.analysis.surfaces import input_surface
from tfrobust.analysis.surfaces import least_likely_axis
from tfrobust.analysis.surfaces import loss_axis
from tfrobust.analysis.surfaces import random_axis
from tfrobust.analysis.surfaces import trajectory
from tfrobust.analysis.toys import leaking_toy
from tfrobust.analysis.toys import Manifold
from tfrobust.analysis.toys import parabola
from tfrobust.analysis.toys import sine_surface
from tfrobust.analysis.weight_surface import weight_surface

__all__ = [
    "accuracy_under_noise",
    "center_cosines",
    "curvature",
    "curvature_along",
    "feature_analysis",
    "feature_poisoning",
    "gradient_leaking",
    "input_surface",
    "leaking_toy",
    "least_likely_axis",
    "local_flatness",
    "loss_axis",
    "Manifold",
    "mean_shares",
    "num_products",
    "parabola",
    "perturbation_covariance",
    "random_axis",
    "sine_surface",
    "softmax_path",
    "trajectory",
    "weight_surface",
]
