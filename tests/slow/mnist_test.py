"""MNIST at full size: what the first table of docs/results claims."""

import pytest

from tests import browser
from tests.slow import mnist_runs
from tfrobust import experiments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not mnist_runs.SHARED.is_dir(),
        reason="no ../shared here: MNIST and the reference model are in it",
    ),
]


def test_adversarial_training_of_smallcnn():
    mnist_runs.train("at")
    record = mnist_runs.last_iterate("at")
    assert record.num_examples == 1000
    right, total = mnist_runs.clean_accuracy(
        mnist_runs.RUNS / "at" / "last.keras"
    )
    assert total == 10000 and right / total >= 0.985
    assert record.attacks[0].robust_accuracy >= 0.94
    best = mnist_runs.best_point("at")
    pgd = {a.name: a.robust_accuracy for a in best.attacks}["pgd-40"]
    assert pgd <= record.attacks[0].robust_accuracy


def test_lfr_of_smallcnn_within_forty_minutes():
    training = mnist_runs.train("lfr")
    assert training.seconds <= 40 * 60
    record = mnist_runs.last_iterate("lfr")
    assert record.clean_accuracy >= 0.97
    # Plain training stands at 0: what is left is the defense's doing.
    assert record.attacks[0].robust_accuracy >= 0.5
    mnist_runs.best_point("lfr")


# Of 500: Foolbox, CleverHans and ART on the same file, images and budget.
@pytest.mark.parametrize(
    "name, low, high",
    [("fgsm", 483, 483), ("pgd-40", 479, 480), ("mi_fgsm-40", 477, 478)],
)
def test_the_reference_model_falls_as_it_does_elsewhere(name, low, high):
    for last in (True, False):
        record = mnist_runs.reference(last)
        robust = sum({a.name: a.robust for a in record.attacks}[name])
        assert low - 3 <= robust <= high + 3


def test_clean_accuracy_of_the_reference_model_on_all_images():
    path = mnist_runs.SHARED / "models" / mnist_runs.REFERENCE
    assert mnist_runs.clean_accuracy(path) == (9895, 10000)


def test_the_report_of_both_sorts_and_answers_in_a_browser(tmp_path):
    for name in ("at", "lfr"):
        mnist_runs.train(name)
        mnist_runs.best_point(name)
    out = tmp_path / "report.html"
    shelf = experiments.report([mnist_runs.RUNS], out)
    assert shelf.problems == ()
    with browser.opened(out) as page:
        browser.check_report(page)
