"""Run directories become a report; what can't be read is said."""

import json

import pytest

from tests.records_test import evaluation
from tfrobust import experiments
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
