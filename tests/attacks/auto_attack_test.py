"""AutoAttack's parts against the reference implementation's flags.

`tests/data/digits_at15_linf.json` holds what the reference AutoAttack (in
PyTorch, standard settings, seed 0) left standing of 200 digits, each attack
alone.
"""

import json
import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks.apgd import checkpoints
from tfrobust.experiments.masked_models import behind
from tfrobust.experiments.masked_models import Quantized
from tfrobust.experiments.masked_models import Randomized
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import margin
from tfrobust.threat_model import NormBall

_DATA = pathlib.Path(__file__).parents[1] / "data"
_BALL = NormBall("inf", epsilon=0.15)


@pytest.fixture(scope="module")
def digits():
    model = keras.models.load_model(_DATA / "digits_at15.keras")
    arrays = np.load(_DATA / "digits_200.npz")
    x = (arrays["x"] / 16).astype("float32").reshape(-1, 8, 8, 1)
    record = json.loads((_DATA / "digits_at15_linf.json").read_text())
    flags = {k: np.array(v, bool) for k, v in record["robust"].items()}
    return model, x, arrays["y"], flags


@pytest.mark.parametrize(
    "name, seeds, make, slack",
    [
        ("apgd-ce", 4, lambda seed: attacks.APGD(_BALL, seed=seed), 1),
        (
            "apgd-dlr",
            4,
            lambda seed: attacks.APGD(
                _BALL, objective=DifferenceOfLogitsRatio(), seed=seed
            ),
            1,
        ),
        ("apgd-t", 1, lambda seed: attacks.TargetedAPGD(_BALL, seed=seed), 1),
        ("fab-t", 1, lambda seed: attacks.TargetedFAB(_BALL), 1),
        ("square", 1, lambda seed: attacks.Square(_BALL, seed=seed), 2),
    ],
)
def test_as_many_stand_as_under_the_reference(digits, name, seeds, make, slack):
    # The reference is one draw of its starts: over seeds APGD alone varies
    # by one or two images, so a mean over draws is compared.
    model, x, y, flags = digits
    standing = [make(seed)(model, x, y).robust for seed in range(seeds)]
    mean = np.mean([flag.sum() for flag in standing])
    assert abs(mean - flags[name].sum()) <= slack
    # And by and large the same ones.
    assert (standing[0] != flags[name]).sum() <= 3 + slack


@pytest.mark.slow
def test_the_ensemble_is_its_parts_worst_case(digits):
    model, x, y, flags = digits
    worst = np.logical_and.reduce(list(flags.values()))
    found = attacks.AutoAttack(_BALL)(model, x, y)
    assert abs(found.robust.sum() - worst.sum()) <= 1
    weaker = attacks.PGD(_BALL, num_steps=40)(model, x, y)
    assert found.robust.sum() < weaker.robust.sum()


def test_checkpoints_of_a_hundred_steps():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1) == [1]
    assert checkpoints(10) == [2, 3, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.slow
def test_in_l2_it_is_the_worst_of_its_parts(digits):
    model, x, y, _ = digits
    x, y = x[:50], y[:50]
    ball = NormBall(2, epsilon=0.6)
    found = attacks.AutoAttack(ball)(model, x, y)
    parts = [a(model, x, y).robust for a in attacks.AutoAttack(ball).attacks]
    np.testing.assert_array_equal(found.robust, np.logical_and.reduce(parts))
    # Windows of three pixels are coarse in images of eight.
    by_gradient = np.logical_and.reduce(parts[:3])
    assert by_gradient.sum() < parts[3].sum() < 45


def test_plus_has_more_starts_and_parts():
    plus = attacks.AutoAttack(_BALL, version="plus")
    assert [type(a).__name__ for a in plus.attacks] == [
        "APGD",
        "APGD",
        "FAB",
        "Square",
        "TargetedAPGD",
        "TargetedFAB",
    ]
    assert [getattr(a, "num_restarts", 1) for a in plus.attacks] == [
        5,
        5,
        5,
        1,
        1,
        1,
    ]


@pytest.mark.slow
def test_plus_is_no_weaker(digits):
    model, x, y, _ = digits
    plus = attacks.AutoAttack(_BALL, version="plus")
    x, labels = x[:30], y[:30].astype("int64")
    standard = attacks.AutoAttack(_BALL)(model, x, labels)
    found = plus(model, x, labels)
    assert found.robust.sum() <= standard.robust.sum()
    # What stands has the strongest point of all, and not the last's, x.
    stands = found.robust
    assert stands.any() and (found.perturbation_norm[stands] > 0.1).all()
    for part in (plus.attacks[0], plus.attacks[3]):
        other = part(model, x, labels).x_adv
        ours, theirs = (
            margin(tf.constant(labels), model(points)).numpy()
            for points in (found.x_adv, other)
        )
        assert (ours[stands] >= theirs[stands] - 1e-5).all()


def test_a_sound_model_is_not_warned_of(digits):
    model, x, y, _ = digits
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = attacks.AutoAttack(_BALL)(model, x[:20], y[:20])
    assert [str(w.message) for w in seen] == []
    # Square was asked too, and might have been the one to break them.
    assert 0 < found.robust.sum() < 20


def test_a_random_model_is_warned_of():
    inner = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(inner, 6)
    model = behind(Randomized(), inner)
    ball = NormBall("inf", epsilon=0.01)
    with pytest.warns(UserWarning, match='version="rand"'):
        attacks.AutoAttack(ball)(model, x, y)


def test_vanished_gradients_are_warned_of_and_what_queries_find():
    model = networks.tiny_cnn(activation="relu")
    x, _ = networks.labelled(model, 12)
    masked = behind(Quantized(), model)
    y = masked(x).numpy().argmax(1)
    with pytest.warns(UserWarning) as seen:
        attacks.AutoAttack(NormBall("inf", epsilon=0.3))(masked, x, y)
    text = " ".join(str(w.message) for w in seen)
    assert "12 of 12 images have no input gradient" in text
    assert "Square broke" in text
