"""One analysis of a saved model -> record, table and pictures."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from tfrobust import reports
from tfrobust.experiments import run_directory
from tfrobust.experiments.analyses import ANALYSES
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.records import plain
from tfrobust.records import Record
from tfrobust.records import write_json
from tfrobust.records import write_record


def analyze(
    config: AnalysisConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Record:
    """Analyze a saved model; write `analysis.json` and pictures.

    Args:
        config: everything the analysis depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    directory = run_directory.check_free(output_dir, overwrite=overwrite)
    run_directory.check_replaceable(directory, config)
    record = ANALYSES[config.analysis](config)
    kind = reports.KINDS[type(record)]
    for rows in kind.tables:
        say(reports.as_text(rows(record)))
    run_directory.make_empty(directory, config)
    write_json(plain(config), directory / "config.json")
    write_record(record, directory / "analysis.json")
    for number, drawing in enumerate(kind.drawings):
        suffix = f"-{number + 1}" if number else ""
        drawing.save([record], directory / f"analysis{suffix}.png")
    return record
