"""The quickstart's own claims, on a real run of it."""

import pytest

from tests import browser
from tfrobust import experiments
from tfrobust.records import read_record


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path, lines = tmp_path_factory.mktemp("quickstart"), []
    return path, experiments.quickstart(path, say=lines.append), lines


def test_adversarial_training_holds_where_standard_training_breaks(run):
    path, records, lines = run
    standard, adversarial, lfr = records
    assert [r.model for r in records] == [
        "standard",
        "adversarial_training",
        "lfr",
    ]
    assert standard.worst_case_accuracy <= 0.25
    assert adversarial.worst_case_accuracy >= 0.65
    for robust in (adversarial, lfr):
        assert standard.clean_accuracy - robust.clean_accuracy <= 0.04
        assert robust.worst_case_accuracy > standard.worst_case_accuracy
    for record in records:
        directory = path / record.model
        assert read_record(directory / "evaluation.json") == record
        read_record(directory / "training.json")
        assert (directory / "last.keras").is_file()
        # The curve and the evaluation attack the same model and images.
        curve = read_record(directory / "curve.json")
        assert curve.robust_accuracy[0] == record.clean_accuracy
        assert curve.robust_accuracy[-1] <= 0.05
        examples = read_record(directory / "examples.json")
        assert examples.clean_accuracy == record.clean_accuracy
        assert len(examples.images) == 4
    assert (path / "accuracy.png").is_file()
    assert any("worst case" in line for line in lines)


def test_its_report_sorts_and_answers_in_a_browser(run):
    with browser.opened(run[0] / "report.html") as page:
        browser.check_report(page)
