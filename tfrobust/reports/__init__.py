"""Records -> tables and figures; never sees a model."""

from tfrobust.reports.benchmarks import attack_benchmark_rows
from tfrobust.reports.benchmarks import bare_rows
from tfrobust.reports.benchmarks import benchmark_rows
from tfrobust.reports.cards import card_lines
from tfrobust.reports.figures import plot_accuracy_against_epsilon
from tfrobust.reports.figures import plot_curvature
from tfrobust.reports.figures import plot_flatness
from tfrobust.reports.figures import plot_gradient_leaking
from tfrobust.reports.figures import plot_surfaces
from tfrobust.reports.html import is_page
from tfrobust.reports.indicators import determination
from tfrobust.reports.indicators import indicator_rows
from tfrobust.reports.indicators import indicators
from tfrobust.reports.indicators import rises
from tfrobust.reports.kinds import caption
from tfrobust.reports.kinds import KINDS
from tfrobust.reports.plain_report import csv_report
from tfrobust.reports.plain_report import markdown_report
from tfrobust.reports.report import html_report
from tfrobust.reports.searches import finalist_rows
from tfrobust.reports.searches import plot_search
from tfrobust.reports.searches import trial_rows
from tfrobust.reports.shelf import Shelf
from tfrobust.reports.tables import attack_line
from tfrobust.reports.tables import attack_rows
from tfrobust.reports.tables import curvature_rows
from tfrobust.reports.tables import flatness_rows
from tfrobust.reports.tables import leaking_rows
from tfrobust.reports.tables import masking_lines
from tfrobust.reports.tables import masking_rows
from tfrobust.reports.tables import robustness_rows
from tfrobust.reports.tables import settings_lines
from tfrobust.reports.tables import surface_rows
from tfrobust.reports.tables import transfer_rows
from tfrobust.reports.text import as_markdown
from tfrobust.reports.text import as_text

__all__ = [
    "determination",
    "as_markdown",
    "as_text",
    "attack_benchmark_rows",
    "attack_line",
    "attack_rows",
    "bare_rows",
    "benchmark_rows",
    "caption",
    "card_lines",
    "csv_report",
    "curvature_rows",
    "flatness_rows",
    "html_report",
    "is_page",
    "indicator_rows",
    "indicators",
    "KINDS",
    "finalist_rows",
    "plot_search",
    "trial_rows",
    "leaking_rows",
    "markdown_report",
    "masking_lines",
    "masking_rows",
    "plot_accuracy_against_epsilon",
    "plot_curvature",
    "plot_flatness",
    "plot_gradient_leaking",
    "plot_surfaces",
    "rises",
    "robustness_rows",
    "settings_lines",
    "Shelf",
    "surface_rows",
    "transfer_rows",
]
