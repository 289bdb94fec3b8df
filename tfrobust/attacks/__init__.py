"""Attacks on any Keras classifier: `attack(classifier, x, y)`."""

from tfrobust.attacks.apgd import APGD
from tfrobust.attacks.apgd import TargetedAPGD
from tfrobust.attacks.ascent import maximize
from tfrobust.attacks.ascent import Momentum
from tfrobust.attacks.ascent import SteepestAscent
from tfrobust.attacks.auto_attack import AutoAttack
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.carlini_wagner import CarliniWagner
from tfrobust.attacks.covariances import StationaryCovariance
from tfrobust.attacks.ddn import DDN
from tfrobust.attacks.deepfool import DeepFool
from tfrobust.attacks.fab import FAB
from tfrobust.attacks.fab import TargetedFAB
from tfrobust.attacks.fmn import FMN
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.attacks.in_bfloat16 import InBfloat16
from tfrobust.attacks.minimal_bim import MinimalBIM
from tfrobust.attacks.nearest import NearestPointAttack
from tfrobust.attacks.noise import CorrelatedNoise
from tfrobust.attacks.noise import UniformNoise
from tfrobust.attacks.pgd import BIM
from tfrobust.attacks.pgd import FGM
from tfrobust.attacks.pgd import FGSM
from tfrobust.attacks.pgd import MIFGSM
from tfrobust.attacks.pgd import PGD
from tfrobust.attacks.square import Square
from tfrobust.attacks.starts import GaussianStart
from tfrobust.attacks.starts import SphereStart
from tfrobust.attacks.starts import UniformStart
from tfrobust.attacks.transfer import Transfer

__all__ = [
    "APGD",
    "Attack",
    "AttackResult",
    "AutoAttack",
    "BIM",
    "CarliniWagner",
    "CorrelatedNoise",
    "DDN",
    "DeepFool",
    "FAB",
    "FGM",
    "FGSM",
    "FMN",
    "GaussianStart",
    "GradientAttack",
    "InBfloat16",
    "MIFGSM",
    "MinimalBIM",
    "Momentum",
    "NearestPointAttack",
    "PGD",
    "SphereStart",
    "Square",
    "StationaryCovariance",
    "SteepestAscent",
    "TargetedAPGD",
    "TargetedFAB",
    "Transfer",
    "UniformNoise",
    "UniformStart",
    "maximize",
    "predict_logits",
]
