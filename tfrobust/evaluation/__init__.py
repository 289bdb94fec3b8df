"""Evaluations that people can trust: objects in, records out."""

from tfrobust.evaluation.curves import accuracy_against_epsilon
from tfrobust.evaluation.suite import evaluate_robustness
from tfrobust.evaluation.suite import weights_digest

__all__ = [
    "accuracy_against_epsilon",
    "evaluate_robustness",
    "weights_digest",
]
