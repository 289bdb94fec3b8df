"""Defenses: Keras models that train a classifier to stand up to attack."""

from tfrobust.defenses.adaptive import DefenseLoss
from tfrobust.defenses.adversarial_training import AdversarialTraining
from tfrobust.defenses.adversarial_training import FGSMTraining
from tfrobust.defenses.base import RobustModel
from tfrobust.defenses.correlated_noise import CorrelatedNoiseTraining
from tfrobust.defenses.gradient_norm import FirstOrderL1
from tfrobust.defenses.gradient_norm import GradientNorm
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.jacobian_regularization import JacobianRegularization
from tfrobust.defenses.lfr import LFR
from tfrobust.defenses.llr import LLR
from tfrobust.defenses.mart import MART
from tfrobust.defenses.mat import MAT
from tfrobust.defenses.sgr import AttackPerturbation
from tfrobust.defenses.sgr import DeepFoolPerturbation
from tfrobust.defenses.sgr import SGR
from tfrobust.defenses.trades import TRADES
from tfrobust.defenses.weight_perturbation import WeightPerturbation

__all__ = [
    "AdversarialTraining",
    "AttackPerturbation",
    "CorrelatedNoiseTraining",
    "DeepFoolPerturbation",
    "DefenseLoss",
    "FGSMTraining",
    "FirstOrderL1",
    "GradientNorm",
    "InnerMaximization",
    "JacobianRegularization",
    "LFR",
    "LLR",
    "MART",
    "MAT",
    "RobustModel",
    "SGR",
    "TRADES",
    "WeightPerturbation",
]
