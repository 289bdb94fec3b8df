"""Softmax paths and label leaking of linear models, by numpy loops."""

import numpy as np
import pytest

from tests import networks
from tfrobust.analysis.softmax_path import softmax_path
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.attacks import Transfer
from tfrobust.records import files
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.threat_model import NormBall


def _linear(classes=3, count=40, flipped=0.25):
    """Return model, kernel, images and labels, some of them wrong."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, classes))
    kernel -= kernel.mean(axis=0)
    model = networks.linear(kernel)
    x = rng.uniform(0.2, 0.8, (count, 6)).astype("float32")
    y = model(x).numpy().argmax(1)
    wrong = rng.random(count) < flipped
    return model, kernel, x, np.where(wrong, (y + 1) % classes, y)


def _softmax(z):
    p = np.exp(z - z.max())
    return p / p.sum()


def test_the_softmax_of_a_linear_model_is_the_loop_over_the_path():
    model, kernel, x, y = _linear()
    attack = PGD(NormBall("inf", epsilon=0.1), num_steps=4, seed=3)
    record = softmax_path(model, x, y, attack, num_points=5, num_images=6)
    x_adv = attack(model, x, y).x_adv.astype("float64")
    assert record.positions == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert len(record.examples) == 6
    for row, example in enumerate(record.examples):
        start = x[example].astype("float64")
        for column, t in enumerate(record.positions):
            point = start + t * (x_adv[example] - start)
            np.testing.assert_allclose(
                record.probabilities[row][column],
                _softmax(point @ kernel),
                atol=1e-6,
            )
        norm = np.abs(x_adv[example] - start).max()
        assert record.perturbation_norms[row] == pytest.approx(norm, abs=1e-6)
        np.testing.assert_allclose(record.images[row], start, atol=6e-7)
        np.testing.assert_allclose(
            record.adversarial[row], x_adv[example], atol=6e-7
        )


def test_broken_images_come_first_and_wrong_ones_never():
    model, kernel, x, y = _linear()
    # One step along the signs, which for two logits is the worst point.
    attack = FGSM(NormBall("inf", epsilon=0.05))
    record = softmax_path(model, x, y, attack, num_images=1000)
    x_adv = attack(model, x, y).x_adv
    broken, withstood = [], []
    for k in range(len(x)):
        if (x[k] @ kernel).argmax() == y[k]:
            right = (x_adv[k] @ kernel).argmax() == y[k]
            (withstood if right else broken).append(k)
    assert broken and withstood
    assert record.examples == (*broken, *withstood)
    assert record.labels == record.before == tuple(y[[*broken, *withstood]])
    changed = np.not_equal(record.after, record.labels)
    assert changed.tolist() == [True] * len(broken) + [False] * len(withstood)
    few = softmax_path(model, x, y, attack, num_images=2)
    assert few.examples == tuple(broken[:2])


def test_leaking_of_a_linear_model_has_its_closed_form():
    # Two classes: a step lowers the margin of the label it is given by
    # epsilon times the l1 norm of w, whatever that label is.
    model, kernel, x, y = _linear(classes=2)
    attack = PGD(
        NormBall("inf", epsilon=0.04, bounds=None),
        step_size=0.04,
        num_steps=1,
        random_start=None,
        keep_best=False,
    )
    record = softmax_path(model, x, y, attack)
    w = kernel[:, 1] - kernel[:, 0]
    fall = 0.04 * np.abs(w).sum()
    margin = (x @ w) * np.where(y == 1, 1, -1)
    by_true = margin - fall > 0
    by_predicted = np.where(margin > 0, margin - fall, margin + fall) > 0
    assert 0 < by_true.mean() < by_predicted.mean() < 1
    assert record.clean_accuracy == np.mean(margin > 0)
    assert record.true_label_accuracy == by_true.mean()
    assert record.predicted_label_accuracy == by_predicted.mean()
    assert record.label_leaking == by_true.mean() - by_predicted.mean()
    assert record.num_examples == 40


def test_images_keep_their_shape_and_the_record_its_numbers(
    tmp_path, monkeypatch
):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 6)
    done = []
    record = softmax_path(
        model,
        x,
        y,
        PGD(NormBall("inf", epsilon=0.2), num_steps=3),
        num_points=3,
        batch_size=4,
        progress=done.append,
        model="m",
        model_digest="0" * 64,
        data="noise",
        provenance={"seed": 0},
    )
    assert done == [4, 2, 4, 2]
    assert np.shape(record.images) == np.shape(record.adversarial)
    assert np.shape(record.images) == (6, 6, 6, 1)
    assert np.shape(record.probabilities) == (6, 3, 3)
    ends = np.array(record.probabilities)[:, [0, -1]].argmax(2)
    assert ends.T.tolist() == [list(record.before), list(record.after)]
    kinds = files._KINDS | {"SoftmaxPathRecord": SoftmaxPathRecord}
    monkeypatch.setattr(files, "_KINDS", kinds)
    files.write_record(record, tmp_path / "r.json")
    assert files.read_record(tmp_path / "r.json") == record


def test_without_an_image_that_is_right_there_is_no_path():
    model, _, x, y = _linear(flipped=1.0)
    with pytest.raises(ValueError, match=f"none of {len(x)}"):
        softmax_path(model, x, y, FGSM(NormBall("inf", epsilon=0.1)))


def test_an_attack_through_another_model_still_says_its_ball():
    model, _, x, y = _linear()
    ball = NormBall("inf", epsilon=0.1)
    attack = Transfer(FGSM(ball), source=networks.linear(np.eye(6, 3)))
    record = softmax_path(model, x, y, attack)
    assert record.settings["threat_model"]["norm"] == "inf"
    assert record.settings["threat_model"]["epsilon"] == 0.1


def test_a_path_of_one_point_is_refused():
    model, _, x, y = _linear()
    attack = FGSM(NormBall("inf", epsilon=0.1))
    with pytest.raises(ValueError, match="`num_points` must be at least 2"):
        softmax_path(model, x, y, attack, num_points=1)
