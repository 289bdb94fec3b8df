"""The transfer matrix against one attack and one look at a time."""

import numpy as np
import pytest

from tests import networks
from tfrobust import evaluation
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
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
