"""Each kind of masking trips its check, and honest models trip none."""

import dataclasses

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import evaluation
from tfrobust import recipes
from tfrobust.attacks import APGD
from tfrobust.attacks import PGD
from tfrobust.evaluation.masking import Check
from tfrobust.experiments.masked_models import behind
from tfrobust.experiments.masked_models import Quantized
from tfrobust.experiments.masked_models import Randomized
from tfrobust.experiments.masked_models import Rippled
from tfrobust.experiments.masked_models import saturated
from tfrobust.objectives import Margin
from tfrobust.objectives import TemperedCrossEntropy
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.15)


@pytest.fixture(scope="module")
def digits():
    data = recipes.load_data("digits")
    keras.utils.set_random_seed(0)
    network = recipes.make_architecture("digits_cnn", (8, 8, 1), 10)
    network.compile(
        keras.optimizers.Adam(3e-3), networks.sparse_loss(), jit_compile=False
    )
    network.fit(
        data.train.images(),
        data.train.y,
        batch_size=64,
        epochs=8,
        verbose=0,
    )
    return network, data.test.images(slice(0, 100)), data.test.y[:100]


@pytest.fixture(scope="module")
def honest(digits):
    """Return the report of a model that hides nothing."""
    return evaluation.masking_report(*digits, _BALL)


def _verdicts(network, x, y, **arguments):
    checks = evaluation.masking_report(network, x, y, _BALL, **arguments)
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check.verdict for check in checks}


def test_an_honest_model_trips_nothing(honest):
    assert {check.verdict for check in honest} == {"ok"}


@pytest.mark.parametrize(
    "layer, names",
    [
        (Quantized, {"zero gradients", "large radius", "queries only"}),
        (Randomized, {"random forward", "more steps", "many steps or one"}),
        (Rippled, {"many steps or one", "queries only"}),
    ],
)
def test_a_masking_input_fails_its_checks(digits, layer, names):
    network, x, y = digits
    verdicts = _verdicts(behind(layer(), network), x, y)
    assert {n for n, v in verdicts.items() if v == "failed"} >= names


def test_saturated_logits_fail_the_losses(digits):
    network, x, y = digits
    verdicts = _verdicts(saturated(network, 1000.0), x, y)
    assert verdicts["losses"] == verdicts["zero gradients"] == "failed"


def test_a_defense_that_is_known_is_climbed_too(digits, honest):
    known = _verdicts(*digits, adaptive_objective=Margin())
    assert [*known] == [*(check.name for check in honest), "adaptive"]
    # The margin is among the usual losses: it finds nothing more.
    assert known["adaptive"] == "ok"


def test_a_temperature_of_their_own_takes_saturated_logits_scale_away(digits):
    # A power of two passes through every sum exactly: the same points.
    network, x, y = digits
    attack = APGD(_BALL, num_steps=20, objective=TemperedCrossEntropy())
    plain = attack(network, x, y)
    large = attack(saturated(network, 1024.0), x, y)
    np.testing.assert_array_equal(plain.x_adv, large.x_adv)
    usual = APGD(_BALL, num_steps=20)
    stopped = usual(saturated(network, 1024.0), x, y)
    assert plain.success.sum() > 2 * stopped.success.sum() > 0


def test_a_verdict_is_by_its_thresholds():
    check = Check("name", "meaning", suspicious=0.1, failed=0.5)
    numbers = [-1.0, 0.1, 0.11, 0.5, 0.51, float("nan")]
    assert [check.verdict(n) for n in numbers] == [
        "ok",
        "ok",
        "suspicious",
        "suspicious",
        "failed",
        "failed",
    ]


@pytest.mark.parametrize(
    "changes", [{"norm": 2}, {"bounds": None}], ids=["norm", "box"]
)
def test_what_it_can_not_judge_is_refused(changes):
    network = networks.tiny_cnn()
    x, y = networks.batch(network)
    ball = dataclasses.replace(_BALL, **changes)
    with pytest.raises(ValueError, match="needs norm inf and a box"):
        evaluation.masking_report(network, x, y, ball)


def test_numbers_are_differences_of_accuracy(digits, honest):
    # "commonest" is the share of one class; nothing beats it at full grey.
    _, _, y = digits
    number = {check.name: check.number for check in honest}["large radius"]
    np.testing.assert_allclose(number, -np.bincount(y).max() / 100)


def test_where_nothing_is_right_nothing_is_said(digits):
    network, x, _ = digits
    wrong = (network.predict(x, verbose=0).argmax(1) + 1) % 10
    assert evaluation.masking_report(network, x[:5], wrong[:5], _BALL) == ()


def test_a_surrogate_of_other_classes_is_refused_before_an_attack(
    digits, monkeypatch
):
    network, x, y = digits
    other = recipes.make_architecture("digits_cnn", (8, 8, 1), 2)

    def search(*arguments):
        raise RuntimeError("attacked")

    monkeypatch.setattr(PGD, "search", search)
    with pytest.raises(ValueError, match=r"Surrogate 'o': .* in \[0, 1\]"):
        evaluation.masking_report(network, x, y, _BALL, surrogates={"o": other})
