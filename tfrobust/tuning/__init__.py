"""Searches over recipes with keras-tuner; importing it loads that."""

from tfrobust.tuning.hypermodel import OBJECTIVE
from tfrobust.tuning.hypermodel import RecipeHyperModel
from tfrobust.tuning.scores import best_score
from tfrobust.tuning.scores import constrained_score
from tfrobust.tuning.spaces import changed_space
from tfrobust.tuning.spaces import check_not_fixed
from tfrobust.tuning.spaces import Choices
from tfrobust.tuning.spaces import defense_of
from tfrobust.tuning.spaces import fixed_settings
from tfrobust.tuning.spaces import Integers
from tfrobust.tuning.spaces import Range
from tfrobust.tuning.spaces import Reals
from tfrobust.tuning.spaces import search_space
from tfrobust.tuning.spaces import Space
from tfrobust.tuning.spaces import split_values

__all__ = [
    "Choices",
    "Integers",
    "OBJECTIVE",
    "Range",
    "Reals",
    "RecipeHyperModel",
    "Space",
    "best_score",
    "changed_space",
    "check_not_fixed",
    "constrained_score",
    "defense_of",
    "fixed_settings",
    "search_space",
    "split_values",
]
