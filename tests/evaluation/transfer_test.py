"""The transfer matrix against one attack and one look at a time."""

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import evaluation
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.attacks import Transfer
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.1)


def test_each_cell_is_the_targets_accuracy_at_the_sources_last_iterates():
    models = {name: networks.tiny_cnn(activation="relu") for name in ("a", "b")}
    x, y = networks.labelled(models["a"], 30)
    attack = PGD(_BALL, num_steps=4)
    record = evaluation.transfer_matrix(
        models, x, y, {"pgd": attack}, batch_size=20
    )
    last = PGD(_BALL, num_steps=4, keep_best=False)
    for row, source in zip(
        record.accuracy["pgd"], models.values(), strict=True
    ):
        points = last(source, x, y, batch_size=20).x_adv
        expected = [
            np.mean(target(points).numpy().argmax(1) == y)
            for target in models.values()
        ]
        assert row == pytest.approx(expected)
    assert record.clean_accuracy[0] == 1.0 > record.clean_accuracy[1]
    assert record.num_examples == 30
    assert record.settings["pgd"]["num_steps"] == 4


def test_a_model_of_other_images_is_refused():
    models = {"a": networks.tiny_cnn(), "b": networks.tiny_cnn(channels=3)}
    x, y = networks.labelled(models["a"], 4)
    with pytest.raises(ValueError, match="shape"):
        evaluation.transfer_matrix(models, x, y, {"fgsm": FGSM(_BALL)})


def test_a_model_that_answers_with_nan_is_refused():
    model = networks.tiny_cnn()
    x, _ = networks.batch(model, 6)
    # Only pixels above one half are answered with NaN.
    nan = keras.layers.Lambda(lambda z: keras.ops.where(z > 0.5, np.nan, z))
    broken = keras.Model(model.input, model(nan(model.input)))
    x = np.clip(x, 0, 0.5).astype("float32")
    x[3] = 1.0
    y = np.asarray(model(x)).argmax(1)
    with pytest.raises(ValueError, match="Model 'b': .*1 of 6 rows with NaN"):
        evaluation.transfer_matrix(
            {"a": model, "b": broken}, x, y, {"fgsm": FGSM(_BALL)}
        )
    with pytest.raises(ValueError, match="1 of 6 rows with NaN"):
        Transfer(FGSM(_BALL), source=broken)(model, x, y)


def test_what_can_not_be_transferred_is_refused():
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 4)
    matrix = evaluation.transfer_matrix
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        matrix({"a": model}, 2 * x + 1, y, {"fgsm": FGSM(_BALL)})
    with pytest.raises(ValueError, match="`batch_size`"):
        matrix({"a": model}, x, y, {"fgsm": FGSM(_BALL)}, batch_size=-1)
    two = networks.tiny_cnn(num_classes=2)
    bias = np.array([0.0, 0.0, 99.0], "float32")
    model.layers[-1].set_weights([model.layers[-1].kernel, bias])
    with pytest.raises(ValueError, match="must have 3 classes, .*Received: 2"):
        Transfer(FGSM(_BALL), source=two)(model, x, np.full(4, 2))
    four = networks.tiny_cnn(num_classes=4)
    with pytest.raises(ValueError, match="must have 3 classes, .*Received: 4"):
        Transfer(FGSM(_BALL), source=four)(model, x, np.full(4, 2))
