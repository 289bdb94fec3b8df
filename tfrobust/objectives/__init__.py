"""Per-example scores that an attack makes as large as it can."""

from tfrobust.objectives.base import LogitsObjective
from tfrobust.objectives.base import Objective
from tfrobust.objectives.gradients import GradientNorm
from tfrobust.objectives.gradients import LinearityError
from tfrobust.objectives.labels import LABEL_SOURCES
from tfrobust.objectives.logits import CrossEntropy
from tfrobust.objectives.logits import KLDivergence
from tfrobust.objectives.logits import Margin
from tfrobust.objectives.logits import TrainingLoss
from tfrobust.objectives.scores import cross_entropy
from tfrobust.objectives.scores import kl_divergence
from tfrobust.objectives.scores import margin
from tfrobust.objectives.targets import LeastLikely
from tfrobust.objectives.targets import NextLikely
from tfrobust.objectives.targets import Targeted

__all__ = [
    "CrossEntropy",
    "GradientNorm",
    "KLDivergence",
    "LABEL_SOURCES",
    "LeastLikely",
    "LinearityError",
    "LogitsObjective",
    "Margin",
    "NextLikely",
    "Objective",
    "Targeted",
    "TrainingLoss",
    "cross_entropy",
    "kl_divergence",
    "margin",
]
