"""Evaluations that people can trust: objects in, records out."""

from tfrobust.evaluation.curves import accuracy_against_epsilon
from tfrobust.evaluation.masking import masking_attacks
from tfrobust.evaluation.masking import masking_checks
from tfrobust.evaluation.masking import masking_report
from tfrobust.evaluation.masking import note_signs
from tfrobust.evaluation.masking import SIGNS
from tfrobust.evaluation.suite import attack_batches
from tfrobust.evaluation.suite import attack_settings
from tfrobust.evaluation.suite import check_examples
from tfrobust.evaluation.suite import CLEAN
from tfrobust.evaluation.suite import evaluate_robustness
from tfrobust.evaluation.suite import evaluation_record
from tfrobust.evaluation.suite import naming
from tfrobust.evaluation.suite import num_batches
from tfrobust.evaluation.suite import Outcomes
from tfrobust.evaluation.suite import weights_digest
from tfrobust.evaluation.transfer import transfer_matrix

__all__ = [
    "CLEAN",
    "Outcomes",
    "SIGNS",
    "accuracy_against_epsilon",
    "attack_batches",
    "attack_settings",
    "check_examples",
    "evaluate_robustness",
    "evaluation_record",
    "masking_attacks",
    "masking_checks",
    "masking_report",
    "note_signs",
    "naming",
    "num_batches",
    "transfer_matrix",
    "weights_digest",
]
