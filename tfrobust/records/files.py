"""Records as JSON files, written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tfrobust.records.analyses import CurvatureRecord
from tfrobust.records.analyses import FlatnessRecord
from tfrobust.records.analyses import LeakingRecord
from tfrobust.records.analyses import SurfaceRecord
from tfrobust.records.axes import AXES
from tfrobust.records.axes import unequal
from tfrobust.records.cards import CardRecord
from tfrobust.records.covariance import CovarianceRecord
from tfrobust.records.covariance import NoiseRecord
from tfrobust.records.evaluations import AttackRecord
from tfrobust.records.evaluations import CheckRecord
from tfrobust.records.evaluations import CurveRecord
from tfrobust.records.evaluations import EvaluationRecord
from tfrobust.records.evaluations import TransferRecord
from tfrobust.records.features import FeatureRecord
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.records.landscapes import WeightSurfaceRecord
from tfrobust.records.papers import ProbeRecord
from tfrobust.records.papers import RowRecord
from tfrobust.records.runs import BenchmarkRecord
from tfrobust.records.runs import TrainingRecord
from tfrobust.records.searches import FinalistRecord
from tfrobust.records.searches import SearchRecord
from tfrobust.records.searches import TrialRecord
from tfrobust.records.shapes import misfit
from tfrobust.records.toys import PoisoningRecord
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.records.toys import ToyRecord

VERSION = 1
Record = Any
"""One of the dataclasses that `read_record` knows."""
_KINDS = {
    kind.__name__: kind
    for kind in (
        EvaluationRecord,
        CurveRecord,
        TransferRecord,
        LeakingRecord,
        SurfaceRecord,
        CurvatureRecord,
        FlatnessRecord,
        CurvaturePathRecord,
        WeightSurfaceRecord,
        FeatureRecord,
        CovarianceRecord,
        NoiseRecord,
        SoftmaxPathRecord,
        ToyRecord,
        PoisoningRecord,
        TrainingRecord,
        SearchRecord,
        BenchmarkRecord,
        RowRecord,
        ProbeRecord,
        CardRecord,
    )
}


def write_record(record: Record, path: str | os.PathLike[str]) -> None:
    """Write a record as JSON, under a temporary name first."""
    data = {"kind": type(record).__name__, "version": VERSION}
    write_json(data | dataclasses.asdict(record), path)


def plain(config: Any) -> dict[str, Any]:
    """Return a dataclass as the plain data that JSON gives back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yield another name beside a path, under which to write it.

    At the end it takes the path's place: a kill leaves the old file or the
    new one. After an error, of a full disk for one, nothing is left of it.
    Processes that write the same path don't share the name.
    """
    path = pathlib.Path(path)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(data: Any, path: str | os.PathLike[str]) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
    with whole_file(path) as part:
        part.write_text(text + "\n")


def is_whole_json(path: pathlib.Path) -> bool:
    """Say whether a file is there and is JSON, which a torn one isn't."""
    try:
        json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return False
    return True


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read a record that `write_record` wrote.

    Raises:
        ValueError: for a file that isn't one, or of another version.
    """
    if not pathlib.Path(path).exists():
        raise ValueError(f"There is no record {path}.")
    try:
        data = json.loads(pathlib.Path(path).read_text())
        kind = _KINDS[data.pop("kind")]
        version = data.pop("version")
    except (
        *(OSError, ValueError, RecursionError),
        *(KeyError, AttributeError, TypeError),
    ) as error:
        raise ValueError(f"{path} is not a record of tfrobust.") from error
    if version != VERSION:
        raise ValueError(
            f"{path} is a record of version {version}; this is {VERSION}."
        )
    try:
        return _READERS.get(kind, _made_of_parts)(kind, data)
    except ValueError as error:
        raise ValueError(f"{path} is no {kind.__name__}: {error}.") from error


def _made(kind: Any, data: Any) -> Any:
    """Return a dataclass of JSON data; lists are tuples where it says so."""
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__} is not a mapping")
    holds_tuples = {
        f.name for f in dataclasses.fields(kind) if "tuple" in f.type
    }
    data = {k: _tuples(v) if k in holds_tuples else v for k, v in data.items()}
    wrong = misfit(kind, data) or unequal(data, AXES.get(kind, {}))
    if wrong is not None:
        raise ValueError(wrong)
    return kind(**data)


def _made_of_parts(kind: Any, data: dict[str, Any]) -> Any:
    """Return a record some of whose fields are lists of records."""
    for name, part in _PARTS.get(kind, {}).items():
        inner = data.get(name, ())
        if not isinstance(inner, list | tuple):
            raise ValueError(f"{name} is not a list")
        data[name] = tuple(_made(part, _without_times(d)) for d in inner)
    return _made(kind, data)


def _made_evaluation(kind: Any, data: dict[str, Any]) -> EvaluationRecord:
    record = _made_of_parts(kind, data)
    lengths = {len(record.clean)}
    for attack in record.attacks:
        lengths |= {len(attack.robust), len(attack.perturbation_norm)}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError("outcomes are not of the same examples")
    names = [attack.name for attack in record.attacks]
    if len(set(names)) < len(names):
        raise ValueError("two attacks have one name")
    return record


def _without_times(data: Any) -> Any:
    # Until 2026-11-21 times stood here; now in run.json.
    if isinstance(data, dict):
        data.pop("seconds", None)
    return data


_PARTS: dict[type, dict[str, type]] = {
    EvaluationRecord: {"attacks": AttackRecord, "masking": CheckRecord},
    RowRecord: {"masking": CheckRecord},
    SearchRecord: {"trials": TrialRecord, "finalists": FinalistRecord},
}
_READERS: dict[type, Any] = {EvaluationRecord: _made_evaluation}


def _tuples(value: Any) -> Any:
    """Return tuples for lists, all the way down."""
    if isinstance(value, dict):
        return {name: _tuples(part) for name, part in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
