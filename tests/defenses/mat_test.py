"""MAT's three terms and the attacks that know them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust import layers
from tfrobust.attacks import PGD
from tfrobust.defenses.mat import cosine_distance
from tfrobust.defenses.mat import FeatureDistance
from tfrobust.defenses.mat import second_order_loss
from tfrobust.threat_model import NormBall

pytestmark = pytest.mark.usefixtures("float64")


def _network(**arguments):
    return layers.with_max_mahalanobis_head(
        networks.tiny_cnn(**arguments), width=5, center_norm=2.0
    )


def _features(seed, count=7):
    return tf.constant(np.random.default_rng(seed).normal(size=(count, 5)))


def test_second_order_loss_is_autodiffs():
    phi, mu = _features(0), _features(1)
    with tf.GradientTape() as tape:
        tape.watch(phi)
        distance = cosine_distance(phi, mu)
    gradient = tape.gradient(distance, phi)
    np.testing.assert_allclose(
        second_order_loss(phi, mu), (gradient.numpy() ** 2).sum(1), rtol=1e-10
    )


def test_cosine_distance_is_its_formula_and_between_0_and_2():
    phi = _features(0)
    other = tf.concat([phi[:2], -phi[2:4], _features(1, 3)], 0)
    found = cosine_distance(3.0 * phi, other).numpy()
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-12)
    np.testing.assert_allclose(found[2:4], 2.0, atol=1e-12)
    a, b = phi[4:].numpy(), other[4:].numpy()
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1)
    np.testing.assert_allclose(
        found[4:], 1 - cosine / np.linalg.norm(b, axis=1)
    )


def test_the_terms_are_those_of_eq_9():
    model = defenses.MAT(_network(), epsilon=0.1, alpha=0.5, beta=3.0)
    x, y = map(tf.constant, networks.batch(model.classifier, 6))
    x_adv = x + 0.05
    terms, logits = model.compute_robust_loss(y, model.forward(x), x_adv)
    both = layers.with_features(model.classifier)
    phi, moved = both(x)[0], both(x_adv)[0]
    mu = tf.gather(model.classifier.layers[-1].centers.value, y)
    expected = {
        "cosine_loss": cosine_distance(phi, mu),
        "second_order_loss": 0.5 * second_order_loss(phi, mu),
        "feature_distance": 3.0 * cosine_distance(phi, moved),
    }
    assert list(terms) == list(expected) == list(model.loss_terms)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-12)
    np.testing.assert_array_equal(logits, both(x)[1])
    # The adaptive attack climbs their sum, with the clean features fixed.
    values, _ = model.adaptive_objective(model.classifier, x, y)(x_adv)
    at_moved = cosine_distance(moved, mu) + 0.5 * second_order_loss(moved, mu)
    np.testing.assert_allclose(
        values, at_moved + 3.0 * cosine_distance(phi, moved), rtol=1e-12
    )


def test_the_inner_ascent_moves_features_apart():
    model = defenses.MAT(_network(), epsilon=0.2, num_steps=5)
    x, y = networks.batch(model.classifier, 6)
    both = layers.with_features(model.classifier)

    def distance(points):
        return cosine_distance(both(x)[0], both(points)[0]).numpy()

    ball = NormBall("inf", epsilon=0.2)
    attack = PGD(ball, num_steps=5, objective=FeatureDistance())
    found = attack(model.classifier, x, y)
    noise = np.random.default_rng(0).uniform(-0.2, 0.2, x.shape)
    attacked = found.clean_predictions == y
    moved = distance(found.x_adv)[attacked]
    assert (moved > 1.5 * distance(np.clip(x + noise, 0, 1))[attacked]).all()


@pytest.mark.parametrize(
    "network, message",
    [
        (lambda: networks.tiny_cnn(), "must end in MaxMahalanobisHead"),
        (lambda: _rectified(), "MAT needs linear features"),
        (lambda: _bent(), "MAT needs linear features.*something else"),
    ],
)
def test_networks_that_do_not_fit(network, message):
    with pytest.raises(ValueError, match=message):
        defenses.MAT(network(), epsilon=0.1)


def _rectified():
    inputs = keras.Input((5,))
    features = keras.layers.Dense(4, "relu", name="features")(inputs)
    return keras.Model(inputs, layers.MaxMahalanobisHead(3)(features))


def _bent():
    inputs = keras.Input((5,))
    features = keras.layers.Dense(4, name="features")(inputs)
    bent = keras.layers.ReLU()(features)
    return keras.Model(inputs, layers.MaxMahalanobisHead(3)(bent))


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be non-negative"):
        defenses.MAT(_network(), epsilon=0.1, **{name: -1.0})
