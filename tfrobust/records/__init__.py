"""Results as frozen dataclasses, JSON in and out.

Everything that measuring hands to drawing passes through here; nothing here
knows of models or tensors.
"""

from tfrobust.records.analyses import CurvatureRecord
from tfrobust.records.analyses import FlatnessRecord
from tfrobust.records.analyses import LeakingRecord
from tfrobust.records.analyses import SurfaceRecord
from tfrobust.records.cards import CardRecord
from tfrobust.records.covariance import CovarianceRecord
from tfrobust.records.covariance import NoiseRecord
from tfrobust.records.evaluations import AttackRecord
from tfrobust.records.evaluations import CheckRecord
from tfrobust.records.evaluations import CurveRecord
from tfrobust.records.evaluations import EvaluationRecord
from tfrobust.records.evaluations import TransferRecord
from tfrobust.records.features import FeatureRecord
from tfrobust.records.files import is_whole_json
from tfrobust.records.files import plain
from tfrobust.records.files import read_record
from tfrobust.records.files import Record
from tfrobust.records.files import VERSION
from tfrobust.records.files import whole_file
from tfrobust.records.files import write_json
from tfrobust.records.files import write_record
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.records.landscapes import WeightSurfaceRecord
from tfrobust.records.papers import ProbeRecord
from tfrobust.records.papers import RowRecord
from tfrobust.records.runs import BenchmarkRecord
from tfrobust.records.runs import TrainingRecord
from tfrobust.records.searches import FinalistRecord
from tfrobust.records.searches import SearchRecord
from tfrobust.records.searches import TrialRecord
from tfrobust.records.statistics import confidence_interval
from tfrobust.records.statistics import ratio_of_medians
from tfrobust.records.toys import PoisoningRecord
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.records.toys import ToyRecord

__all__ = [
    "FinalistRecord",
    "SearchRecord",
    "TrialRecord",
    "AttackRecord",
    "BenchmarkRecord",
    "CardRecord",
    "CheckRecord",
    "confidence_interval",
    "CovarianceRecord",
    "CurvaturePathRecord",
    "CurvatureRecord",
    "CurveRecord",
    "EvaluationRecord",
    "FeatureRecord",
    "FlatnessRecord",
    "is_whole_json",
    "LeakingRecord",
    "NoiseRecord",
    "plain",
    "PoisoningRecord",
    "ProbeRecord",
    "ratio_of_medians",
    "read_record",
    "Record",
    "RowRecord",
    "SoftmaxPathRecord",
    "SurfaceRecord",
    "ToyRecord",
    "TrainingRecord",
    "TransferRecord",
    "VERSION",
    "WeightSurfaceRecord",
    "whole_file",
    "write_json",
    "write_record",
]
