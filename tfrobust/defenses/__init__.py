"""Defenses: Keras models that train a classifier to stand up to attack."""

from tfrobust.defenses.adversarial_training import AdversarialTraining
from tfrobust.defenses.adversarial_training import FGSMTraining
from tfrobust.defenses.base import RobustModel
from tfrobust.defenses.gradient_norm import GradientNorm
from tfrobust.defenses.lfr import LFR
from tfrobust.defenses.trades import TRADES

__all__ = [
    "AdversarialTraining",
    "FGSMTraining",
    "GradientNorm",
    "LFR",
    "RobustModel",
    "TRADES",
]
