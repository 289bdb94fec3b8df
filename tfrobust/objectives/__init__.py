"""Per-example scores that an attack makes as large as it can."""

from tfrobust.objectives.averages import Expectation
from tfrobust.objectives.base import LogitsObjective
from tfrobust.objectives.base import Objective
from tfrobust.objectives.gradients import GradientNorm
from tfrobust.objectives.gradients import LinearityError
from tfrobust.objectives.labels import LABEL_SOURCES
from tfrobust.objectives.logits import CrossEntropy
from tfrobust.objectives.logits import DifferenceOfLogitsRatio
from tfrobust.objectives.logits import KLDivergence
from tfrobust.objectives.logits import Margin
from tfrobust.objectives.logits import TemperedCrossEntropy
from tfrobust.objectives.logits import TrainingLoss
from tfrobust.objectives.scores import cross_entropy
from tfrobust.objectives.scores import difference_of_logits_ratio
from tfrobust.objectives.scores import kl_divergence
from tfrobust.objectives.scores import logit_difference
from tfrobust.objectives.scores import margin
from tfrobust.objectives.targets import Candidates
from tfrobust.objectives.targets import LeastLikely
from tfrobust.objectives.targets import NextLikely
from tfrobust.objectives.targets import Targeted
from tfrobust.objectives.targets import TowardsRival

__all__ = [
    "Candidates",
    "CrossEntropy",
    "DifferenceOfLogitsRatio",
    "Expectation",
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
    "TemperedCrossEntropy",
    "TowardsRival",
    "TrainingLoss",
    "cross_entropy",
    "difference_of_logits_ratio",
    "kl_divergence",
    "logit_difference",
    "margin",
]
