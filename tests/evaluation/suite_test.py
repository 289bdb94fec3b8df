"""Evaluations: outcomes, verification from outside, digests, curves."""

import dataclasses

import numpy as np
import pytest

from tests import networks
from tfrobust import evaluation
from tfrobust.attacks import APGD
from tfrobust.attacks import FGSM
from tfrobust.attacks import FMN
from tfrobust.attacks import InBfloat16
from tfrobust.attacks import PGD
from tfrobust.attacks import Transfer
from tfrobust.attacks import UniformNoise
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.15)
_ATTACKS = {"noise": UniformNoise(_BALL), "pgd": PGD(_BALL, num_steps=5)}


def test_a_record_holds_each_attacks_outcomes_and_settings():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 30)
    y[[3, 17]] = (y[[3, 17]] + 1) % 3  # two that are wrong
    seen = []
    record = evaluation.evaluate_robustness(
        model, x, y, _ATTACKS, batch_size=20, progress=lambda *a: seen.append(a)
    )
    done = [("noise", 20), ("noise", 10), ("pgd", 20), ("pgd", 10)]
    begun = [(name, 0) for name, _ in done]
    assert seen == [at for both in zip(begun, done, strict=True) for at in both]
    clean = np.asarray(model(x)).argmax(1) == y
    np.testing.assert_array_equal(record.clean, clean)
    for attack, (name, direct) in zip(
        record.attacks, _ATTACKS.items(), strict=True
    ):
        result = direct(model, x, y, batch_size=20)
        assert attack.name == name
        np.testing.assert_array_equal(attack.robust, result.robust)
        # Each example has its own noise, in whichever batch.
        np.testing.assert_allclose(
            attack.perturbation_norm, result.perturbation_norm, atol=1e-6
        )
    settings = record.attacks[1].settings
    assert settings["name"] == "PGD" and settings["num_steps"] == 5
    assert settings["step_size"] == pytest.approx(2.5 * 0.15 / 5)
    assert settings["objective"] == {"name": "CrossEntropy"}


class _Cheat(FGSM):
    """Steps out of its ball."""

    def search(self, classifier, x, labels, example_ids):
        found = super().search(classifier, x, labels, example_ids)
        found[0] -= 1e-4
        return found


def test_an_attack_that_leaves_its_ball_is_caught_from_outside():
    model = networks.linear(np.array([[9.0, 0.0], [9.0, 0.0]]))
    x, y = np.full((4, 2), 0.5, "float32"), np.zeros(4, int)
    with pytest.raises(ValueError, match="'cheat' left its threat model"):
        evaluation.evaluate_robustness(model, x, y, {"cheat": _Cheat(_BALL)})


def test_the_digest_is_of_the_weights():
    one, two = networks.tiny_dense(), networks.tiny_dense()
    digest = evaluation.weights_digest(one)
    assert evaluation.weights_digest(two) != digest
    two.set_weights(one.get_weights())
    assert evaluation.weights_digest(two) == digest


def test_a_curve_starts_at_clean_accuracy_and_falls():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.batch(model, 40)
    attack = PGD(_BALL, num_steps=10)
    curve = evaluation.accuracy_against_epsilon(
        model, x, y, attack, [0.0, 0.15, 1.0], model="m"
    )
    clean = np.mean(np.asarray(model(x)).argmax(1) == y)
    assert curve.robust_accuracy[0] == pytest.approx(clean)
    assert curve.robust_accuracy[1] == attack(model, x, y).robust_accuracy
    assert list(curve.robust_accuracy) == sorted(curve.robust_accuracy)[::-1]
    assert curve.attack["threat_model"]["epsilon"] is None


def test_a_given_step_size_scales_with_the_radius():
    attack = PGD(_BALL, step_size=0.03)
    assert attack.with_radius(0.3).step_size == pytest.approx(0.06)
    inside = Transfer(InBfloat16(attack), source=networks.tiny_cnn())
    wider = inside.with_radius(0.3)
    assert wider.attack.attack.step_size == pytest.approx(0.06)
    assert wider.source is inside.source and wider.threat_model.epsilon == 0.3
    assert inside.without_bounds().threat_model.bounds is None
    default = dataclasses.replace(attack, step_size=None)
    assert default.with_radius(0.3).step_length == pytest.approx(2.5 * 0.3 / 40)
    assert APGD(_BALL).with_radius(0.3).step_length == pytest.approx(0.6)


@pytest.mark.parametrize("before", [0.02, float("inf")])
def test_a_curve_is_what_each_radius_gives_whatever_it_was_before(before):
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 20)
    radii = (0.1, 0.4)
    attack = FMN(NormBall(2, epsilon=before), num_steps=20)
    curve = evaluation.accuracy_against_epsilon(model, x, y, attack, radii)
    direct = [
        FMN(NormBall(2, epsilon=r), num_steps=20)(model, x, y).robust_accuracy
        for r in radii
    ]
    assert attack.with_radius(0.4).step_size == attack.step_size
    assert list(curve.robust_accuracy) == direct


def test_a_curve_is_drawn_of_attacks_around_an_attack():
    model, source = (networks.tiny_cnn(activation="relu") for _ in range(2))
    x, y = networks.labelled(model, 20)
    attack = Transfer(FGSM(_BALL), source=source)
    curve = evaluation.accuracy_against_epsilon(
        model, x, y, attack, [0.0, 0.15, 1.0]
    )
    assert curve.robust_accuracy[0] == 1.0 > curve.robust_accuracy[2]
    assert curve.robust_accuracy[1] == attack(model, x, y).robust_accuracy
    for settings in (curve.attack, curve.attack["attack"]):
        assert settings["threat_model"]["epsilon"] is None


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True])
def test_a_batch_is_of_at_least_one(batch_size):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 4)
    with pytest.raises(ValueError, match="`batch_size`.*Received"):
        evaluation.evaluate_robustness(
            model, x, y, {"fgsm": FGSM(_BALL)}, batch_size=batch_size
        )


def test_no_attack_takes_the_clean_pass_place():
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 4)
    with pytest.raises(ValueError, match="No attack may be called 'clean'"):
        evaluation.evaluate_robustness(model, x, y, {"clean": FGSM(_BALL)})


@pytest.mark.parametrize(
    "attacks, message",
    [({}, "at least one attack"), ([FGSM(_BALL)], "must be a Mapping")],
)
def test_what_is_no_mapping_of_attacks_is_refused(attacks, message):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 4)
    with pytest.raises(ValueError, match=message):
        evaluation.evaluate_robustness(model, x, y, attacks)
    with pytest.raises(ValueError, match=message):
        evaluation.transfer_matrix({"a": model}, x, y, attacks)
