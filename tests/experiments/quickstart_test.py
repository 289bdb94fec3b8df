"""The quickstart's own claims, on a real run of it."""

from tfrobust import experiments
from tfrobust.records import read_record


def test_adversarial_training_holds_where_standard_training_breaks(tmp_path):
    lines = []
    records = experiments.quickstart(tmp_path, say=lines.append)
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
        directory = tmp_path / record.model
        assert read_record(directory / "evaluation.json") == record
        read_record(directory / "training.json")
        assert (directory / "last.keras").is_file()
        # The curve and the evaluation attack the same model and images.
        curve = read_record(directory / "curve.json")
        assert curve.robust_accuracy[0] == record.clean_accuracy
        assert curve.robust_accuracy[-1] <= 0.05
    assert (tmp_path / "accuracy.png").is_file()
    assert any("worst case" in line for line in lines)
