"""The run directory of a benchmark."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from tfrobust.experiments import run_directory
from tfrobust.experiments.provenance import recorded
from tfrobust.records import BenchmarkRecord
from tfrobust.records import plain
from tfrobust.records import write_json
from tfrobust.records import write_record


def record_run(
    config: Any,
    measure: Callable[[Any], BenchmarkRecord],
    output_dir: str | pathlib.Path | None,
    *,
    overwrite: bool,
) -> BenchmarkRecord:
    """Return `measure(config)`; write both into a run directory.

    Args:
        config: everything the benchmark depends on.
        measure: takes it; asked once the directory was found free.
        output_dir: the run directory; `None` writes nothing.
        overwrite: replace the run that is there.
    """
    if output_dir is None:
        return measure(config)
    directory = pathlib.Path(output_dir)
    with run_directory.claimed(directory, config, overwrite=overwrite):
        record = measure(config)
        run_directory.make_empty(directory, overwrite=overwrite)
        write_json(plain(config), directory / "config.json")
        write_record(record, directory / "benchmark.json")
    return record


def versions_line(record: BenchmarkRecord) -> str:
    """Return what a page says of a record's origin."""
    names = ("revision", "tensorflow", "keras", "seed")
    return ", ".join(f"{k} {recorded(record.provenance, k)}" for k in names)
