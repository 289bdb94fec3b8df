"""Evaluations that people can trust: objects in, records out."""

from tfrobust.evaluation.curves import accuracy_against_epsilon
from tfrobust.evaluation.masking import MASKING_ATTACKS
from tfrobust.evaluation.masking import masking_report
from tfrobust.evaluation.suite import evaluate_robustness
from tfrobust.evaluation.suite import weights_digest

__all__ = [
    "MASKING_ATTACKS",
    "accuracy_against_epsilon",
    "evaluate_robustness",
    "masking_report",
    "weights_digest",
]
