"""Attacks on any Keras classifier: `attack(classifier, x, y)`."""

from tfrobust.attacks.ascent import maximize
from tfrobust.attacks.ascent import Momentum
from tfrobust.attacks.ascent import SteepestAscent
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.attacks.noise import UniformNoise
from tfrobust.attacks.pgd import BIM
from tfrobust.attacks.pgd import FGM
from tfrobust.attacks.pgd import FGSM
from tfrobust.attacks.pgd import MIFGSM
from tfrobust.attacks.pgd import PGD
from tfrobust.attacks.starts import GaussianStart
from tfrobust.attacks.starts import UniformStart

__all__ = [
    "Attack",
    "AttackResult",
    "BIM",
    "FGM",
    "FGSM",
    "GaussianStart",
    "GradientAttack",
    "MIFGSM",
    "Momentum",
    "PGD",
    "SteepestAscent",
    "UniformNoise",
    "UniformStart",
    "maximize",
    "predict_logits",
]
