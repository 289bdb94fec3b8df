"""SGR as a defense: Sigma = I, order of updates, sources, DeepFool."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust import layers
from tfrobust.attacks import FGSM
from tfrobust.attacks.deepfool import minimal_perturbation
from tfrobust.ops.differentiation import Forward
from tfrobust.threat_model import NormBall

pytestmark = pytest.mark.usefixtures("float64")


def _trained(make, steps=1):
    keras.utils.set_random_seed(0)
    model = make(networks.tiny_cnn())
    model.compile(keras.optimizers.SGD(0.1), networks.sparse_loss())
    x, y = networks.batch(model.classifier, 8)
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model


def _weights(model):
    return np.concatenate([w.ravel() for w in model.classifier.get_weights()])


def test_the_identity_trains_as_the_gradient_norm():
    sgr = _trained(
        lambda c: defenses.SGR(
            c,
            weight=0.7,
            covariance=layers.FullCovariance((6, 6, 1), value=np.eye(36)),
        ),
        steps=3,
    )
    norm = _trained(lambda c: defenses.GradientNorm(c, weight=0.7), steps=3)
    np.testing.assert_allclose(_weights(sgr), _weights(norm), atol=1e-13)


def test_a_step_uses_sigma_as_it_was_before():
    # A learned one is zero before the first step: that is plain training.
    def make(c):
        sigma = layers.FullCovariance((6, 6, 1))
        return defenses.SGR(c, weight=5.0, covariance=sigma)

    plain = _trained(defenses.RobustModel)
    first = _trained(make)
    np.testing.assert_allclose(_weights(first), _weights(plain), atol=1e-14)
    assert int(first.covariance.updates) == 1
    difference = _weights(_trained(make, 2)) - _weights(
        _trained(defenses.RobustModel, 2)
    )
    assert np.abs(difference).max() > 1e-4


def test_an_attacks_perturbations_are_x_adv_minus_x():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 5, low=0.3, high=0.7)
    attack = FGSM(NormBall("inf", epsilon=0.1))
    forward = Forward(model, tf.constant(x))
    xi = defenses.AttackPerturbation(attack)(tf.constant(y), forward, None)
    np.testing.assert_allclose(np.abs(xi), 0.1, rtol=1e-12)


def test_deepfool_reaches_the_nearest_class_of_a_linear_model():
    # (1 + overshoot) x the distance, along the normal, in one step.
    weights = np.random.default_rng(0).normal(size=(5, 4))
    model = networks.linear(weights)
    x, y = networks.labelled(model, 6)
    z = x @ weights
    gaps = z[np.arange(6), y][:, None] - z
    normals = weights.T[None] - weights.T[y][:, None]
    lengths = np.linalg.norm(normals, axis=2)
    distance = gaps / np.where(lengths > 0, lengths, np.inf)
    distance[np.arange(6), y] = np.inf
    found = minimal_perturbation(
        model, tf.constant(x), tf.constant(y), num_steps=1
    ).numpy()
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=1), 1.02 * distance.min(1), rtol=1e-10
    )
    moved = (x + found) @ weights
    np.testing.assert_array_equal(moved.argmax(1), distance.argmin(1))


def test_deepfool_looks_at_the_likeliest_classes_only():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(6, 30)) * rng.uniform(0.5, 3.0, 30)
    model = networks.linear(weights)
    x, y = networks.labelled(model, 8)
    z = x @ weights
    order = np.argsort(-z, axis=1)
    lengths = {}
    for count in (2, 30):
        found = minimal_perturbation(
            model,
            tf.constant(x),
            tf.constant(y),
            num_steps=1,
            overshoot=0.0,
            num_candidates=count,
        )
        lengths[count] = np.linalg.norm(found, axis=1)
        for i, (row, own) in enumerate(zip(order, y, strict=True)):
            rivals = row[1:count]
            normals = weights[:, rivals].T - weights[:, own]
            size = np.linalg.norm(normals, axis=1)
            nearest = ((z[i, own] - z[i, rivals]) / size).min()
            np.testing.assert_allclose(lengths[count][i], nearest)
    assert (lengths[30] < lengths[2] - 1e-6).any()


def test_deepfool_leaves_a_misclassified_example():
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    wrong = (y + 1) % 3
    found = minimal_perturbation(
        model, tf.constant(x), tf.constant(wrong), num_steps=3
    )
    np.testing.assert_array_equal(found, 0)
    forward = Forward(model, tf.constant(x))
    xi = defenses.DeepFoolPerturbation(10)(tf.constant(y), forward, None)
    assert (model(x + xi).numpy().argmax(1) != y).all()


def test_a_covariance_of_another_image_size_is_refused():
    with pytest.raises(ValueError, match=r"shape \(6, 6, 1\).*\(8, 8, 1\)"):
        defenses.SGR(
            networks.tiny_cnn(),
            weight=1.0,
            covariance=layers.FullCovariance((8, 8, 1)),
        )


class Brighten(keras.layers.Layer):
    def call(self, x, training=False):
        return x + 1.0 if training else x


def test_outside_the_box_an_attacks_perturbation_is_no_clipping_residue():
    def make(c):
        attack = FGSM(NormBall("inf", epsilon=0.01))
        return defenses.SGR(
            c,
            weight=1.0,
            covariance=layers.FullCovariance((6, 6, 1), mean_variance=None),
            perturbation=defenses.AttackPerturbation(attack),
            input_transform=Brighten(),
        )

    diagonal = np.diag(_trained(make).covariance.covariance)
    np.testing.assert_allclose(np.sqrt(diagonal), 0.01, rtol=1e-6)


def test_a_source_must_be_callable():
    sigma = layers.FullCovariance((6, 6, 1))
    with pytest.raises(ValueError, match="`perturbation` must be.*'sign'"):
        defenses.SGR(
            networks.tiny_cnn(),
            weight=1.0,
            covariance=sigma,
            perturbation="sign",
        )


def _weightless(classifier):
    covariance = layers.FullCovariance((6, 6, 1))
    return defenses.SGR(classifier, weight=0.0, covariance=covariance)


def test_without_weight_it_is_plain_keras_and_can_be_saved(tmp_path):
    x, y = networks.batch(networks.tiny_cnn(), 16)
    moved = []
    for make in (
        defenses.RobustModel,
        _weightless,
    ):
        keras.utils.set_random_seed(0)
        model = make(networks.tiny_cnn())
        model.compile("sgd", networks.sparse_loss(), jit_compile=False)
        model.fit(x, y, epochs=2, verbose=0)
        moved.append(model.classifier.get_weights())
    for one, other in zip(*moved, strict=True):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.weight == 0.0 and again.covariance.image_shape == (6, 6, 1)


@pytest.mark.parametrize("num_steps", [0, -1, 2.5])
def test_deepfool_as_a_source_takes_steps(num_steps):
    with pytest.raises(ValueError, match="`num_steps`"):
        defenses.DeepFoolPerturbation(num_steps)
