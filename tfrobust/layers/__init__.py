"""Layers of networks and defenses."""

from tfrobust.layers.covariance_forms import CovarianceFunction
from tfrobust.layers.covariance_forms import FullCovariance
from tfrobust.layers.exact_normalization import ExactGroupNormalization
from tfrobust.layers.exact_normalization import ExactLayerNormalization
from tfrobust.layers.exact_normalization import inexact_layers
from tfrobust.layers.exact_normalization import warn_if_inexact
from tfrobust.layers.exact_normalization import with_exact_normalization
from tfrobust.layers.features import with_features
from tfrobust.layers.max_mahalanobis import max_mahalanobis_centers
from tfrobust.layers.max_mahalanobis import MaxMahalanobisHead
from tfrobust.layers.max_mahalanobis import with_linear_head
from tfrobust.layers.max_mahalanobis import with_max_mahalanobis_head
from tfrobust.layers.perturbation_covariance import PerturbationCovariance
from tfrobust.layers.principal_subspace import PrincipalSubspace
from tfrobust.layers.random_state import seed_random_layers

__all__ = [
    "CovarianceFunction",
    "ExactGroupNormalization",
    "ExactLayerNormalization",
    "FullCovariance",
    "MaxMahalanobisHead",
    "PerturbationCovariance",
    "PrincipalSubspace",
    "inexact_layers",
    "max_mahalanobis_centers",
    "seed_random_layers",
    "warn_if_inexact",
    "with_exact_normalization",
    "with_features",
    "with_linear_head",
    "with_max_mahalanobis_head",
]
