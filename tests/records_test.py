"""Records: JSON there and back, the worst case, intervals."""

import errno
import json
import os
import re

import pytest

from tfrobust import records
from tfrobust.records import AttackRecord
from tfrobust.records import CurvatureRecord
from tfrobust.records import CurveRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import SurfaceRecord
from tfrobust.records import TrainingRecord
from tfrobust.records import TransferRecord


def evaluation(model="m"):
    """Return a record of four examples and two attacks."""
    settings = {"name": "FGSM", "threat_model": {"norm": "inf", "epsilon": 0.1}}
    attack = AttackRecord(
        "a", settings, (True, True, False, False), (0.1, 0.1, 0.05, 0.0)
    )
    other = AttackRecord(
        "b", settings, (True, False, True, False), (0.1, 0.1, 0.05, 0.0)
    )
    return EvaluationRecord(
        model,
        "0" * 64,
        "digits",
        "test",
        (True, True, True, False),
        (attack, other),
        {"seed": 0},
    )


ROWS = [
    evaluation(),
    CurveRecord("m", {"name": "PGD"}, (0.0, 0.1), (1.0, 0.5), 4),
    TransferRecord(
        ("a", "b"),
        ("0" * 64, "1" * 64),
        "digits",
        8,
        (1.0, 0.875),
        {"pgd": {"name": "PGD"}},
        {"pgd": ((0.25, 0.75), (0.5, 0.125))},
        {"seed": 0},
    ),
    LeakingRecord(
        "m",
        "0" * 64,
        "digits",
        8,
        (2.0, 1.0),
        (2 / 3, 1.0),
        {"loss gradient": (0.25, 1.0)},
        {"loss gradient": 8},
        0.5,
        {"ddn": (0.5, 1.5)},
        {"ddn": {"name": "DDN"}},
        {"seed": 0},
    ),
    SurfaceRecord(
        "m",
        "0" * 64,
        "digits",
        3,
        7,
        ("loss", "random"),
        (-0.1, 0.0, 0.1),
        ((2.0, 1.5, 1.0), (1.5, 1.0, 0.5), (1.0, 0.5, 0.25)),
        ((-1.0, -0.5, 0.0), (-0.5, 0.0, 0.5), (0.0, 0.5, 1.0)),
        {"bim": ((0.0, 0.0), (0.05, 0.0))},
        {"seed": 0},
    ),
    CurvatureRecord(
        "m",
        "0" * 64,
        "digits",
        2,
        (3.0, 4.0),
        (1.0, 2.0),
        0.5,
        0.25,
        1e-3,
        ((5.0, -1.0), (3.0, 0.5)),
        None,
        False,
        {"seed": 0},
    ),
    FlatnessRecord(
        "m",
        "0" * 64,
        "digits",
        2,
        0.5,
        (1.0, 2.0),
        (0.5, 0.5),
        (1.0, 2.0),
        (1.25, 3.0),
        (0.75, 2.0),
        (0.1, 0.2),
        {"seed": 0},
    ),
    TrainingRecord(
        {"data": "digits"},
        {"loss": [1.0, 0.5]},
        {"last.keras": {"epoch": 2}},
        3.0,
        {"seed": 0},
    ),
]


@pytest.mark.parametrize("record", ROWS)
def test_a_record_comes_back_from_its_file(record, tmp_path):
    path = tmp_path / "record.json"
    records.write_record(record, path)
    assert records.read_record(path) == record
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_that_fails_leaves_what_was_there(before, tmp_path):
    path = tmp_path / "record.json"
    if before:
        path.write_text(before)
    with (
        pytest.raises(OSError, match="full"),
        records.whole_file(path) as part,
    ):
        part.write_text("half of it")
        raise OSError(errno.ENOSPC, "full")
    left = [p.read_text() for p in tmp_path.iterdir()]
    assert left == ([before] if before else [])


def test_two_processes_that_write_a_file_dont_share_its_part(
    tmp_path, monkeypatch
):
    path = tmp_path / "record.json"
    with records.whole_file(path) as part:
        part.write_text("first")
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with records.whole_file(path) as other:
            other.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_the_worst_case_is_per_example():
    record = evaluation()
    assert record.worst_case == (True, False, False, False)
    assert record.worst_case_accuracy == 0.25
    assert record.clean_accuracy == 0.75
    assert [a.robust_accuracy for a in record.attacks] == [0.5, 0.5]


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "Other"}', "{}"])
def test_a_file_that_is_no_record(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="not a record"):
        records.read_record(path)


def test_another_version_is_named(tmp_path):
    path = tmp_path / "x.json"
    records.write_record(evaluation(), path)
    data = json.loads(path.read_text()) | {"version": 99}
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="version 99; this is 1"):
        records.read_record(path)


@pytest.mark.parametrize(
    "kind, fields, message",
    [
        (CurveRecord, {"epsilons": [0, 1, 2]}, "robust_accuracy has 2 radii,"),
        (CurveRecord, {"robust_accuracy": [1, 7]}, r"\[float from 0 to 1, "),
        (CurveRecord, {"epsilons": [0, 1e999]}, "epsilons holds .* not finite"),
        (FlatnessRecord, {"num_examples": 3}, "loss has 2 images, num_ex"),
        (FlatnessRecord, {"gamma": []}, "gamma has 0 images, num_examples 2"),
        (TransferRecord, {"accuracy": {"pgd": [[1, 1]]}}, "has 1 models"),
        (SurfaceRecord, {"loss": [[0], [0], [0]]}, "loss has 1 points, coor"),
        (LeakingRecord, {"shares": {"x": [1.0]}}, "shares has 1 components"),
        (LeakingRecord, {"energy": [0.5, -1]}, "energy is not"),
        (TrainingRecord, {"seconds": -1}, "seconds is not float of 0 or more"),
    ],
)
def test_numbers_that_can_not_be_are_refused(kind, fields, message, tmp_path):
    path = tmp_path / "x.json"
    record = next(r for r in ROWS if isinstance(r, kind))
    records.write_record(record, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(
        ValueError, match=f"x.json is no {kind.__name__}: "
    ) as e:
        records.read_record(path)
    assert re.search(message, str(e.value)) and "\n" not in str(e.value)


def test_wilson_interval_against_published_values():
    # Newcombe, 1998, Statistics in Medicine 17, Table I, method 3.
    for count, total, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = records.confidence_interval(count, total)
        assert found == (
            pytest.approx(low, abs=5e-5),
            pytest.approx(high, abs=5e-5),
        )


def test_a_record_with_times_of_attacks_is_still_read(tmp_path):
    path = tmp_path / "record.json"
    records.write_record(evaluation(), path)
    data = json.loads(path.read_text())
    for attack in data["attacks"]:
        attack["seconds"] = 1.5
    path.write_text(json.dumps(data))
    assert records.read_record(path) == evaluation()
