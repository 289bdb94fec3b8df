"""Why a model behaves as it does: objects in, records out."""

from tfrobust.analysis.gradient_leaking import gradient_leaking
from tfrobust.analysis.gradient_leaking import mean_shares
from tfrobust.analysis.indicators import indicators

__all__ = ["gradient_leaking", "indicators", "mean_shares"]
