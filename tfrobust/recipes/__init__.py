"""The one place where names become objects."""

from tfrobust.recipes.architectures import ARCHITECTURES
from tfrobust.recipes.architectures import check_architecture
from tfrobust.recipes.architectures import check_standardizes
from tfrobust.recipes.architectures import make_architecture
from tfrobust.recipes.attacks import ATTACKS
from tfrobust.recipes.attacks import Budget
from tfrobust.recipes.attacks import make_attacks
from tfrobust.recipes.attacks import make_transfers
from tfrobust.recipes.attacks import SUITES
from tfrobust.recipes.comparisons import COMPARISONS
from tfrobust.recipes.comparisons import find_comparison
from tfrobust.recipes.data import check_radius_is_given
from tfrobust.recipes.data import data_defaults
from tfrobust.recipes.data import load_data
from tfrobust.recipes.defenses import check_defense
from tfrobust.recipes.defenses import check_norm
from tfrobust.recipes.defenses import defense_settings
from tfrobust.recipes.defenses import DEFENSES
from tfrobust.recipes.defenses import make_defense
from tfrobust.recipes.defenses import make_loss
from tfrobust.recipes.presets import PRESETS

__all__ = [
    "ARCHITECTURES",
    "ATTACKS",
    "Budget",
    "COMPARISONS",
    "DEFENSES",
    "PRESETS",
    "SUITES",
    "check_architecture",
    "check_defense",
    "check_norm",
    "check_radius_is_given",
    "check_standardizes",
    "data_defaults",
    "defense_settings",
    "find_comparison",
    "load_data",
    "make_architecture",
    "make_attacks",
    "make_defense",
    "make_loss",
    "make_transfers",
]
