"""One analysis of a saved model -> record, table and pictures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from tfrobust import reports
from tfrobust.attacks.pieces import kept_by
from tfrobust.experiments import run_directory
from tfrobust.experiments.analyses import ANALYSES
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.kept_pieces import KeptPieces
from tfrobust.experiments.provenance import provenance
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import Record
from tfrobust.records import write_json
from tfrobust.records import write_record


def analyze(
    config: AnalysisConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Record:
    """Analyze a saved model; write `analysis.json` and pictures.

    What takes long is kept batch by batch, or row by row: killed and resumed,
    an analysis writes the very same `analysis.json`.

    Args:
        config: everything the analysis depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        resume: go on with the run that is there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    if overwrite and resume:
        raise ValueError("A run is either replaced or resumed, not both.")
    directory = run_directory.check_free(
        output_dir, overwrite=overwrite, resume=resume
    )
    if resume:
        run_directory.check_same(directory, plain(config))
    else:
        run_directory.check_replaceable(directory, config)
    record = _record(config, directory, resume=resume)
    kind = reports.KINDS[type(record)]
    for rows in kind.tables:
        say(reports.as_text(rows(record)))
    for number, drawing in enumerate(kind.drawings):
        suffix = f"-{number + 1}" if number else ""
        drawing.save([record], directory / f"analysis{suffix}.png")
    return record


def _record(
    config: AnalysisConfig, directory: pathlib.Path, *, resume: bool
) -> Record:
    """Return the record, which is on disk afterwards."""
    path = directory / "analysis.json"
    if resume and path.is_file():
        return read_record(path)
    prepared = False

    def prepare() -> None:
        nonlocal prepared
        if not resume and not prepared:
            run_directory.make_empty(directory, config)
            write_json(plain(config), directory / "config.json")
            prepared = True

    pieces = KeptPieces(directory, prepare, _origin(config))
    with _nothing_left(directory, lambda: prepared), kept_by(pieces):
        record = ANALYSES[config.analysis](config)
    prepare()
    write_record(record, path)
    pieces.drop()
    return record


@contextlib.contextmanager
def _nothing_left(
    directory: pathlib.Path, prepared: Callable[[], bool]
) -> Iterator[None]:
    """Remove a directory that was made for an analysis that can't be."""
    try:
        yield
    except ValueError:
        if prepared():
            shutil.rmtree(directory)
        raise


def _origin(config: AnalysisConfig) -> dict[str, Any]:
    """Return what the pieces depend on beside the configuration."""
    try:
        model = pathlib.Path(config.model).read_bytes()
    except OSError:
        model = b""  # whoever loads it says what is wrong
    digest = hashlib.sha256(model).hexdigest()
    origin = {"model_file": digest, **provenance(config.seed)}
    return json.loads(json.dumps(origin))
