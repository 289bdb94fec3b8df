"""tfrobust: Keras classifiers that stand up to attack."""

from tfrobust import analysis
from tfrobust import architectures
from tfrobust import attacks
from tfrobust import callbacks
from tfrobust import defenses
from tfrobust import evaluation
from tfrobust import layers
from tfrobust import losses
from tfrobust import objectives
from tfrobust import ops
from tfrobust import penalties
from tfrobust import schedules
from tfrobust import zoo
from tfrobust.classifier import as_classifier
from tfrobust.threat_model import NormBall
from tfrobust.version import __version__

__all__ = [
    "NormBall",
    "__version__",
    "analysis",
    "architectures",
    "as_classifier",
    "attacks",
    "callbacks",
    "defenses",
    "evaluation",
    "layers",
    "losses",
    "objectives",
    "ops",
    "penalties",
    "schedules",
    "zoo",
]
