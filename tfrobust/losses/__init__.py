"""Classification losses of logits, one value per example before the mean."""

from tfrobust.losses.max_mahalanobis import MaxMahalanobis

__all__ = ["MaxMahalanobis"]
