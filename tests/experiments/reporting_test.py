"""Run directories become a report; what can't be read is said."""

import csv
import json
import math
import re

import pytest

from tests.records_test import evaluation
from tfrobust import experiments
from tfrobust.records import CurveRecord
from tfrobust.records import write_record


@pytest.fixture
def runs(tmp_path):
    for name in ("one", "two"):
        directory = tmp_path / "runs" / name
        directory.mkdir(parents=True)
        write_record(evaluation(name), directory / "evaluation.json")
        (directory / "config.json").write_text("{}")
        (directory / "run.json").write_text('{"seconds": {}}')
    return tmp_path / "runs"


def test_every_record_is_found_and_three_files_written(runs, tmp_path):
    said = []
    out = tmp_path / "new" / "report.html"
    shelf = experiments.report([runs], out, say=said.append)
    assert [record.model for _, record in shelf.records] == ["one", "two"]
    assert shelf.problems == ()
    names = sorted(path.name for path in out.parent.iterdir())
    assert names == ["report.csv", "report.html", "report.md"]
    assert said == [f"2 records: {out}, beside it .md and .csv"]


def test_torn_other_and_unfinished_runs_are_named(runs, tmp_path):
    (runs / "torn").mkdir()
    (runs / "torn" / "evaluation.json").write_text('{"kind": "Eval')
    old = json.loads((runs / "one" / "evaluation.json").read_text())
    (runs / "one" / "evaluation.json").write_text(
        json.dumps(old | {"version": 0})
    )
    (runs / "begun").mkdir()
    (runs / "begun" / "config.json").write_text("{}")
    shelf = experiments.report([runs], tmp_path / "r.html", say=print)
    assert [record.model for _, record in shelf.records] == ["two"]
    text = " ".join(shelf.problems)
    assert "record of version 0; this is 1" in text
    assert "torn/evaluation.json is not a record" in text
    assert "begun was begun and has no result" in text
    assert len(shelf.problems) == 3
    page = (tmp_path / "r.html").read_text()
    assert all(problem in page for problem in shelf.problems)


def test_what_is_refused(runs, tmp_path):
    cases = [
        ([runs], "report.pdf", "must end in .html"),
        ([tmp_path / "nowhere"], "report.html", "There is no run at"),
        ([], "report.html", "at least one directory"),
    ]
    for where, out, message in cases:
        with pytest.raises(ValueError, match=message):
            experiments.report(where, tmp_path / out)
        assert not (tmp_path / out).exists()


def test_an_empty_directory_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    shelf = experiments.collect([tmp_path / "empty"])
    assert shelf.problems == (f"{tmp_path / 'empty'} holds no record.",)


def _changed(path, **fields):
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | fields))


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"clean": []}, "outcomes are not of the same examples"),
        ({"clean": [True]}, "outcomes are not of the same examples"),
        ({"clean": [5, 5, 5, 5]}, r"clean is not tuple\[bool, \.\.\.\]"),
        ({"attacks": None}, "attacks is not a list"),
        ({"attacks": [{"name": "a"}]}, "perturbation_norm, robust, settings"),
        ({"masking": "x"}, "masking is not a list"),
        ({"provenance": {"seed": math.nan}}, "provenance holds .* not finite"),
        ({"provenance": []}, "provenance is not dict"),
        ({"model": None}, "model is not str"),
        ({"colour": "red"}, "colour unknown"),
    ],
)
def test_a_record_of_other_types_is_named_and_left_out(
    fields, message, runs, tmp_path
):
    _changed(runs / "one" / "evaluation.json", **fields)
    shelf = experiments.report([runs], tmp_path / "r.html", say=print)
    assert [record.model for _, record in shelf.records] == ["two"]
    (problem,) = shelf.problems
    assert problem.startswith(f"{runs}/one/evaluation.json is no Eval")
    assert re.search(message, problem)


def test_two_attacks_of_one_name_are_refused(runs):
    path = runs / "one" / "evaluation.json"
    attacks = json.loads(path.read_text())["attacks"]
    _changed(path, attacks=[attacks[0], attacks[0]])
    assert (
        "two attacks have one name" in experiments.collect([runs]).problems[0]
    )


def test_a_nested_file_is_no_record(runs):
    (runs / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    assert len(experiments.collect([runs]).records) == 2


def test_a_run_named_twice_counts_once(runs):
    again = runs / ".." / "runs"
    shelf = experiments.collect([runs, again, runs / "one" / "evaluation.json"])
    assert len(shelf.records) == 2 and shelf.problems == ()
    assert len(experiments.collect(str(runs)).records) == 2


def test_all_three_files_are_written_or_none(runs, tmp_path):
    out = tmp_path / "out"
    (out / "r.md").mkdir(parents=True)
    with pytest.raises(ValueError, match="r.md is a directory"):
        experiments.report([runs], out / "r.html")
    assert [p.name for p in out.iterdir()] == ["r.md"]


@pytest.mark.parametrize("name", ["r.html", "r.md", "r.csv"])
def test_a_file_that_is_no_report_is_not_replaced(name, runs, tmp_path):
    own = tmp_path / name
    own.write_text("<!DOCTYPE html>\n<html>mine")
    with pytest.raises(ValueError, match=f"{name} is there.*--overwrite"):
        experiments.report([runs], tmp_path / "r.html")
    assert own.read_text().endswith("mine")
    for overwrite in (True, False):  # then it is a report
        experiments.report(
            [runs], tmp_path / "r.html", overwrite=overwrite, say=print
        )
        assert not own.read_text().endswith("mine")


def test_a_lone_surrogate_and_a_formula_are_text(runs, tmp_path):
    _changed(runs / "one" / "evaluation.json", model="=A1 \ud800")
    out = tmp_path / "r.html"
    experiments.report([runs], out, say=print)
    with out.with_suffix(".csv").open(newline="") as file:
        assert next(csv.DictReader(file))["model"] == "'=A1 \\ud800"
    assert "=A1 \\ud800" in out.read_text()


def test_an_odd_section_costs_itself_alone(tmp_path, monkeypatch):
    curve = CurveRecord("m", {"name": "PGD"}, (0.0, 0.1), (1.0, 0.5), 4)
    write_record(curve, tmp_path / "curve.json")

    def fail(curves):
        raise TypeError(f"{len(curves)} odd")

    monkeypatch.setattr("tfrobust.reports.report.accuracy_curves", fail)
    write_record(evaluation("one"), tmp_path / "evaluation.json")
    shelf = experiments.report([tmp_path], tmp_path / "r.html", say=print)
    assert len(shelf.records) == 2
    page = (tmp_path / "r.html").read_text()
    assert page.count("This section could not be made. TypeError: 1 odd") == 1
    assert '<td class="number">75.0</td>' in page


def test_names_lose_the_folder_that_all_share(tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / "runs" / f"{name}_eval"
        folder.mkdir(parents=True)
        record = evaluation(f"/data/runs/{name}/last.keras")
        write_record(record, folder / "evaluation.json")
    write_record(evaluation("plain"), tmp_path / "runs" / "evaluation.json")
    shelf = experiments.collect([tmp_path / "runs"])
    assert [(w, r.model) for w, r in shelf.records] == [
        ("runs/a_eval/evaluation.json", "a/last.keras"),
        ("runs/b_eval/evaluation.json", "b/last.keras"),
        ("runs/evaluation.json", "plain"),
    ]
