"""Model files: defenses, plain models, and what isn't one."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust import experiments
from tfrobust import recipes
from tfrobust import zoo
from tfrobust.attacks import PGD
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.kept_objectives import kept_objective
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.models import model_identity
from tfrobust.experiments.models import usual_data
from tfrobust.experiments.zoo_entries import zoo_table
from tfrobust.records import CardRecord
from tfrobust.threat_model import NormBall


def test_a_defense_gives_its_classifier(tmp_path):
    model = defenses.RobustModel(networks.tiny_cnn())
    model.save(tmp_path / "m.keras")
    loaded = experiments.load_classifier(tmp_path / "m.keras")
    x, _ = networks.batch(model.classifier)
    np.testing.assert_array_equal(loaded(x), model.classifier(x))


def test_a_softmax_is_stripped(tmp_path):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation="softmax")(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "m.keras")
    loaded = experiments.load_classifier(tmp_path / "m.keras")
    x = np.random.default_rng(0).uniform(size=(3, 4))
    np.testing.assert_allclose(
        keras.ops.softmax(loaded(x)), model(x), atol=1e-6
    )


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_model(content, tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a Keras model file") as error:
        experiments.load_classifier(path)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="There is no model file"):
        experiments.load_classifier(tmp_path / "m.keras")


def test_a_directory_is_answered_with_the_file_in_it(tmp_path):
    with pytest.raises(ValueError, match="is a directory.*last.keras"):
        experiments.load_classifier(tmp_path)


def _kept(name, directory, **settings):
    """Put a defense into a zoo; return it."""
    model = recipes.make_defense(name, networks.tiny_cnn(), **settings)
    classifier = zoo.rounded(model.classifier)
    card = CardRecord(
        name="one",
        data="digits",
        network=json.loads(classifier.to_json()),
        command="",
        results={},
        budgets=(),
        num_examples=0,
        training={},
        seconds=0.0,
        model_digest=weights_digest(classifier),
        provenance={},
        adaptive_objective=kept_objective(model.adaptive_objective),
    )
    zoo.save(classifier, card, directory)
    return model


def test_a_papers_numbers_stand_in_no_line_of_the_zoo(tmp_path):
    _kept("standard", tmp_path)
    card = dataclasses.replace(
        zoo.card("one", tmp_path),
        training={"defense": "standard"},
        results={"clean": 97.5, "Pert mean": 0.3},
        num_examples=40,
    )
    zoo.save(zoo.load("one", tmp_path), card, tmp_path)
    (line,) = zoo_table(tmp_path)[1:]
    assert line[2:6] == ["97.50", "-", "40", "Pert mean"]
    of = "gradient-leaking, table-2, in its units, of the float32 weights"
    card = dataclasses.replace(card, results_of=of)
    zoo.save(zoo.load("one", tmp_path), card, tmp_path)
    (line,) = zoo_table(tmp_path)[1:]
    table = "gradient-leaking, table-2: see its card"
    assert line[2:6] == ["-", "-", "-", table]


@pytest.mark.parametrize(
    "name, settings",
    [
        ("standard", {}),
        ("trades", {"epsilon": 0.1, "beta": 2.5}),
        ("lfr", {"epsilon": 0.1, "weight": 0.3}),
        ("gradient_norm", {"weight": 0.7}),
    ],
)
def test_a_model_of_a_zoo_is_attacked_as_its_defense(name, settings, tmp_path):
    model = _kept(name, tmp_path, **settings)
    loaded, objective = load_attacked(tmp_path / "one.npz")
    x, y = networks.batch(loaded)
    (values, _), (expected, _) = (
        of(loaded, tf.constant(x), y)(tf.constant(x + 0.05))
        for of in (objective, model.adaptive_objective)
    )
    np.testing.assert_array_equal(values, expected)
    ball = NormBall("inf", epsilon=0.05)
    points, expected = (
        PGD(ball, num_steps=2, objective=of)(loaded, x, y).x_adv
        for of in (objective, model.adaptive_objective)
    )
    np.testing.assert_array_equal(points, expected)


def test_models_of_a_zoo_are_told_apart(tmp_path):
    own = {model_identity(f"zoo:{name}") for name in zoo.names()}
    assert len(own) == len(zoo.names()) > 1
    # Equal weights in another network are another model.
    _kept("standard", tmp_path / "softplus")
    classifier = zoo.load("one", tmp_path / "softplus")
    card = zoo.card("one", tmp_path / "softplus")
    network = json.loads(json.dumps(card.network).replace("softplus", "relu"))
    assert network != card.network
    zoo.save(
        classifier,
        dataclasses.replace(card, network=network),
        tmp_path / "relu",
    )
    first, second = (
        model_identity(tmp_path / name / "one.npz")
        for name in ("softplus", "relu")
    )
    assert first != second
    shown = dataclasses.replace(card, results={"clean": 1.0})
    zoo.save(classifier, shown, tmp_path / "softplus")
    assert model_identity(tmp_path / "softplus" / "one.npz") == first


def test_a_model_of_a_zoo_knows_its_data(tmp_path):
    assert usual_data("zoo:mnist-smallcnn-trades") == "mnist"
    _kept("standard", tmp_path)
    assert usual_data(tmp_path / "one.npz") == "digits"
    assert usual_data(tmp_path / "any.keras") == "digits"


def test_what_a_card_can_not_hold_is_unknown(tmp_path):
    # SGR's covariance has learned weights.
    _kept("sgr", tmp_path, weight=0.1)
    assert load_attacked(tmp_path / "one.npz")[1] is None
    plain = networks.tiny_cnn()
    plain.save(tmp_path / "plain.keras")
    assert load_attacked(tmp_path / "plain.keras")[1] is None
