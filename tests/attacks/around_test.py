"""Attacks around an attack: on a source model, and in bfloat16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust import evaluation
from tfrobust.attacks.in_bfloat16 import in_bfloat16
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.1)


def _pair():
    source = networks.tiny_cnn(activation="relu")
    target = networks.tiny_cnn(activation="relu")
    return source, target


def test_points_are_the_sources_and_verdicts_the_targets():
    source, target = _pair()
    x, y = networks.labelled(target, 20)
    attack = attacks.PGD(_BALL, num_steps=5, seed=3)
    result = attacks.Transfer(attack, source=source)(target, x, y)
    # Every step on every example, the last iterate: also where the source
    # was wrong to begin with.
    last = attacks.PGD(_BALL, num_steps=5, seed=3, keep_best=False)
    expected = last(source, x, y)
    np.testing.assert_array_equal(result.x_adv, expected.x_adv)
    assert (expected.clean_predictions != y).any()
    predictions = target(result.x_adv).numpy().argmax(1)
    np.testing.assert_array_equal(result.robust, predictions == y)


def test_a_transfer_from_the_model_itself_is_its_own_attack():
    _, target = _pair()
    x, y = networks.labelled(target, 20)
    attack = attacks.FGSM(_BALL)
    own = attack(target, x, y)
    result = attacks.Transfer(attack, source=target)(target, x, y)
    np.testing.assert_array_equal(result.robust, own.robust)


def test_a_transfer_is_recorded_with_its_source():
    source, target = _pair()
    x, y = networks.labelled(target, 8)
    attack = attacks.Transfer(
        attacks.FGSM(_BALL), source=source, source_name="other"
    )
    record = evaluation.evaluate_robustness(target, x, y, {"from": attack})
    settings = record.attacks[0].settings
    assert settings["source_name"] == "other"
    assert settings["attack"]["name"] == "FGSM"
    assert settings["threat_model"]["epsilon"] == 0.1


def test_a_transfer_of_a_transfer_is_refused():
    source, _ = _pair()
    once = attacks.Transfer(attacks.FGSM(_BALL), source=source)
    with pytest.raises(ValueError, match="on the source itself"):
        attacks.Transfer(once, source=source)


def test_the_copy_computes_in_bfloat16_with_the_models_weights():
    model, _ = _pair()
    x, _ = networks.labelled(model, 8)
    copy = in_bfloat16(model)
    assert copy.layers[1].compute_dtype == "bfloat16"
    assert copy.layers[-1].compute_dtype == "float32"
    np.testing.assert_allclose(copy(x), model(x), atol=0.05)
    assert (copy(x).numpy() != model(x).numpy()).any()
    model.set_weights([2 * w for w in model.get_weights()])
    assert in_bfloat16(model) is copy
    np.testing.assert_allclose(copy(x), model(x), atol=0.2)


class _Liar(attacks.FGSM):
    """Finds nothing on a bfloat16 model, and what is there on another."""

    def search(self, classifier, x, labels, example_ids):
        if classifier.layers[1].compute_dtype == "bfloat16":
            return x.numpy()
        return super().search(classifier, x, labels, example_ids)


def test_what_the_model_does_not_confirm_is_attacked_again():
    model, _ = _pair()
    x, y = networks.labelled(model, 20)
    plain = attacks.FGSM(_BALL)(model, x, y)
    wrong = [w.copy() for w in model.get_weights()]
    wrong[-1] += [50.0, 0.0, 0.0]  # the copy calls everything class 0
    copy = in_bfloat16(model)
    take = copy.set_weights
    copy.set_weights = lambda _: take(wrong)
    found = attacks.InBfloat16(_Liar(_BALL))(model, x, y)
    others = y != 0
    # Where the copy was lost from the start float32 finds what it finds.
    np.testing.assert_array_equal(found.x_adv[others], plain.x_adv[others])
    np.testing.assert_array_equal(found.x_adv[~others], x[~others])


@pytest.mark.parametrize(
    "attack",
    [
        attacks.PGD(_BALL, num_steps=10),
        attacks.APGD(_BALL, num_steps=20),
        attacks.Square(_BALL, num_queries=50),
    ],
)
def test_in_bfloat16_as_many_stand_within_a_few(attack):
    model, _ = _pair()
    x, y = networks.labelled(model, 60)
    plain = attack(model, x, y)
    found = attacks.InBfloat16(attack)(model, x, y)
    inside = _BALL.contains(tf.constant(found.x_adv), tf.constant(x))
    assert inside.numpy().all()
    predictions = model(found.x_adv).numpy().argmax(1)
    np.testing.assert_array_equal(found.robust, predictions == y)
    assert abs(int(plain.robust.sum()) - int(found.robust.sum())) <= 2


def test_bfloat16_needs_a_model_that_can_be_copied():
    x = np.zeros((2, 3), "float32")
    with pytest.raises(ValueError, match="functional or Sequential"):
        attacks.InBfloat16(attacks.FGSM(_BALL))(
            lambda x, training=False: keras.ops.sum(x) * tf.ones((2, 3)),
            x,
            [0, 0],
        )


def test_the_most_work_is_the_attacks():
    attack = attacks.PGD(NormBall("inf", epsilon=0.1), num_steps=7)
    assert attack.most_work == 21  # a gradient is worth three passes
    assert attacks.InBfloat16(attack).most_work == 21
    source = networks.tiny_cnn()
    assert attacks.Transfer(attack, source=source).most_work == 21
