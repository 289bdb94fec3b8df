"""Runs: configuration -> train, evaluate -> run directory."""

from tfrobust.experiments.analyses import ANALYSES
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analyzing import analyze
from tfrobust.experiments.attack_benchmark import AttackBenchmarkConfig
from tfrobust.experiments.attack_benchmark import benchmark_attacks
from tfrobust.experiments.claims_page import write_claims
from tfrobust.experiments.comparing import compare
from tfrobust.experiments.evaluating import evaluate
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.masked_table import MASKED_TABLES
from tfrobust.experiments.masked_table import masking_table
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.models import usual_data
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.planning import plan
from tfrobust.experiments.preparing import prepare
from tfrobust.experiments.quickstart import quickstart
from tfrobust.experiments.reporting import collect
from tfrobust.experiments.reporting import report
from tfrobust.experiments.reproducing import reproduce
from tfrobust.experiments.shards import Shard
from tfrobust.experiments.train_step_benchmark import benchmark
from tfrobust.experiments.train_step_benchmark import BenchmarkConfig
from tfrobust.experiments.train_step_benchmark import FLOORS
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.transferring import transfer
from tfrobust.experiments.transferring import TransferConfig
from tfrobust.experiments.zoo_entries import add_results
from tfrobust.experiments.zoo_entries import add_to_zoo
from tfrobust.experiments.zoo_entries import check_zoo_page
from tfrobust.experiments.zoo_entries import write_zoo_table
from tfrobust.experiments.zoo_entries import zoo_table

__all__ = [
    "ANALYSES",
    "AnalysisConfig",
    "AttackBenchmarkConfig",
    "BenchmarkConfig",
    "EvaluationConfig",
    "FLOORS",
    "MASKED_TABLES",
    "PAPERS",
    "Shard",
    "TrainingConfig",
    "TransferConfig",
    "add_results",
    "add_to_zoo",
    "analyze",
    "benchmark",
    "benchmark_attacks",
    "check_zoo_page",
    "collect",
    "compare",
    "evaluate",
    "load_classifier",
    "masking_table",
    "plan",
    "prepare",
    "quickstart",
    "report",
    "reproduce",
    "train",
    "transfer",
    "usual_data",
    "write_claims",
    "write_zoo_table",
    "zoo_table",
]
