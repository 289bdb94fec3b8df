"""Keras callbacks for robust training."""

from tfrobust.callbacks.backup import BackupSteps
from tfrobust.callbacks.checkpoints import KeepCheckpoints
from tfrobust.callbacks.dropout import SeedRandomLayers
from tfrobust.callbacks.errors import TrainingDiverged
from tfrobust.callbacks.gradient_leaking import GradientLeakingTracker
from tfrobust.callbacks.non_finite import StopOnNonFinite
from tfrobust.callbacks.progress import ProgressBar
from tfrobust.callbacks.robust_validation import RobustValidation
from tfrobust.callbacks.warm_up import WarmUp

__all__ = [
    "BackupSteps",
    "GradientLeakingTracker",
    "KeepCheckpoints",
    "ProgressBar",
    "RobustValidation",
    "SeedRandomLayers",
    "StopOnNonFinite",
    "TrainingDiverged",
    "WarmUp",
]
