"""Centres on a simplex, logits that are distances, and the loss on them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import layers
from tfrobust import losses


@pytest.mark.parametrize("width", [0, 3])
@pytest.mark.parametrize("num_classes", [2, 3, 6, 10, 11, 100, 200])
def test_gram_matrix_of_the_centres(num_classes, width):
    # Six and eleven classes in L - 1 dimensions have a root of -1e-17.
    centers = layers.max_mahalanobis_centers(
        num_classes, num_classes - 1 + width
    )
    gram = centers @ centers.T
    expected = np.full_like(gram, -1 / (num_classes - 1))
    np.fill_diagonal(expected, 1.0)
    np.testing.assert_allclose(gram, expected, atol=1e-12)


def test_logits_are_minus_squared_distances(float64):
    del float64
    head = layers.MaxMahalanobisHead(4, center_norm=3.0)
    phi = np.random.default_rng(0).normal(size=(5, 6))
    centers = 3.0 * layers.max_mahalanobis_centers(4, 6)
    distance = ((phi[:, None] - centers) ** 2).sum(2)
    np.testing.assert_allclose(head(phi), -distance, rtol=1e-12)
    y = np.array([0, 3, 1, 2, 2])
    values = losses.MaxMahalanobis().call(tf.constant(y), head(phi))
    np.testing.assert_allclose(values, 0.5 * distance[np.arange(5), y])


def test_head_and_transformation_predict_the_same_class():
    network = networks.tiny_dense(5, 6)
    model = layers.with_max_mahalanobis_head(network, width=7)
    x, _ = networks.batch(model, 64, low=-9.0, high=9.0)
    phi, logits = (t.numpy() for t in layers.with_features(model)(x))
    np.testing.assert_array_equal(logits, model(x))
    plain = layers.with_linear_head(model)(x).numpy()
    centers = model.layers[-1].centers.numpy()
    np.testing.assert_allclose(plain, phi @ centers.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(plain.argmax(1), logits.argmax(1))
    assert len(np.unique(plain.argmax(1))) > 1


def test_features_are_linear_and_the_network_is_shared():
    network = networks.tiny_cnn()
    model = layers.with_max_mahalanobis_head(network, width=4)
    x, _ = networks.batch(model, 3)
    before = model(x).numpy()
    network.layers[1].kernel.assign(2 * network.layers[1].kernel)
    assert np.abs(model(x) - before).max() > 1e-3
    phi = layers.with_features(model)(x)[0].numpy()
    assert phi.shape == (3, 4)
    assert phi.min() < 0


def test_centres_are_saved_and_not_trained(tmp_path):
    model = layers.with_max_mahalanobis_head(networks.tiny_dense(), width=4)
    head = model.layers[-1]
    assert not head.trainable_weights
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x, _ = networks.batch(model, 3)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: layers.max_mahalanobis_centers(10, 8),
            "10 centres need features of width 9 or more.*8",
        ),
        (
            lambda: layers.with_max_mahalanobis_head(
                networks.tiny_dense(5, 10), width=8
            ),
            "width 9 or more",
        ),
        (lambda: layers.MaxMahalanobisHead(1), "`num_classes`.*1"),
        (
            lambda: layers.MaxMahalanobisHead(3, center_norm=0),
            "`center_norm`.*0",
        ),
        (
            lambda: layers.with_linear_head(networks.tiny_cnn()),
            "must end in MaxMahalanobisHead",
        ),
        (
            lambda: layers.with_features(
                keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            ),
            "a layer named 'features'",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
