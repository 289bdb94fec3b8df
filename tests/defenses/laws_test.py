"""Reduction laws: nothing added gives plain Keras, bit for bit."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust.attacks import PGD
from tfrobust.attacks import UniformStart
from tfrobust.objectives import cross_entropy
from tfrobust.ops.norms import l1_norm
from tfrobust.penalties import GradientL1Norm
from tfrobust.penalties import SquaredGradientNorm
from tfrobust.threat_model import NormBall


def _network(dropout=True):
    inputs = x = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.3, seed=5)(x) if dropout else x
    regularizer = keras.regularizers.L2(1e-2)
    outputs = keras.layers.Dense(3, kernel_regularizer=regularizer)(x)
    return keras.Model(inputs, outputs)


@functools.cache
def _trained(make, weighted):
    keras.utils.set_random_seed(0)
    classifier = _network()
    model = make(classifier)
    model.compile("adam", networks.sparse_loss())
    x, y = networks.batch(classifier, 22)
    class_weight = {0: 1.0, 1: 0.5, 2: 3.0} if weighted else None
    arguments = {"epochs": 2, "batch_size": 8, "verbose": 0}
    history = model.fit(x, y, class_weight=class_weight, **arguments).history
    return classifier.get_weights(), history["loss"]


_NOTHING = {
    "no attack": lambda c: defenses.RobustModel(c),
    "epsilon 0": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.0, num_steps=2
    ),
    "epsilon 0, l2": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.0, norm=2, num_steps=2
    ),
    "fgsm epsilon 0": lambda c: defenses.FGSMTraining(
        c, epsilon=0.0, clean_weight=0.0, random_start=UniformStart()
    ),
    "beta 0": lambda c: defenses.TRADES(c, epsilon=0.1, beta=0.0),
    "weight 0": lambda c: defenses.GradientNorm(c, weight=0.0),
    "lfr weight 0": lambda c: defenses.LFR(c, epsilon=0.1, weight=0.0),
}


def _plain(classifier):
    return classifier


@pytest.mark.parametrize(
    "weighted", [False, True], ids=["plain", "class weights"]
)
@pytest.mark.parametrize("make", _NOTHING.values(), ids=_NOTHING.keys())
def test_nothing_added_is_plain_keras_bit_for_bit(make, weighted):
    expected, loss = _trained(_plain, weighted)
    found, own_loss = _trained(make, weighted)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(own_loss, loss, rtol=1e-6)


def _step(make, x, y):
    """Return the weights after one SGD step of length 1."""
    keras.utils.set_random_seed(0)
    model = make(networks.tiny_cnn())
    model.compile(keras.optimizers.SGD(1.0), networks.sparse_loss())
    model.train_on_batch(x, y)
    return np.concatenate([w.ravel() for w in model.classifier.get_weights()])


def _images(low=0.0, high=1.0):
    return networks.batch(networks.tiny_cnn(), 6, low=low, high=high)


def test_lfr_at_zero_radius_is_first_order_l1_regularisation(float64):
    # Theorem 2.
    del float64
    x, y = _images()
    lfr = _step(lambda c: defenses.LFR(c, epsilon=0.0, weight=0.7), x, y)
    first_order = _step(
        lambda c: defenses.RobustModel(c, penalties=[GradientL1Norm(0.7)]),
        x,
        y,
    )
    np.testing.assert_allclose(lfr, first_order, rtol=0, atol=1e-14)


def test_gradient_norm_is_its_penalty(float64):
    del float64
    x, y = _images()
    defense = _step(lambda c: defenses.GradientNorm(c, weight=0.7), x, y)
    composed = _step(
        lambda c: defenses.RobustModel(c, penalties=[SquaredGradientNorm(0.7)]),
        x,
        y,
    )
    np.testing.assert_array_equal(defense, composed)


def test_attack_and_penalty_compose_in_either_order(float64):
    del float64
    x, y = _images()
    attack = PGD(NormBall("inf", epsilon=0.1), num_steps=3, step_size=0.05)
    from_penalty = _step(
        lambda c: defenses.GradientNorm(c, weight=0.7, attack=attack), x, y
    )
    from_attack = _step(
        lambda c: defenses.AdversarialTraining(
            c,
            epsilon=0.1,
            num_steps=3,
            step_size=0.05,
            penalties=[SquaredGradientNorm(0.7)],
        ),
        x,
        y,
    )
    np.testing.assert_array_equal(from_penalty, from_attack)


def test_the_mixture_is_the_mean_of_its_halves(float64):
    # One SGD step is linear in the loss.
    del float64
    x, y = _images()

    def make(clean_weight):
        return lambda c: defenses.AdversarialTraining(
            c, epsilon=0.1, num_steps=2, clean_weight=clean_weight
        )

    clean = _step(defenses.RobustModel, x, y)
    adversarial = _step(make(0.0), x, y)
    mixed = _step(make(0.25), x, y)
    expected = 0.25 * clean + 0.75 * adversarial
    np.testing.assert_allclose(mixed, expected, atol=1e-14)
    assert np.abs(clean - adversarial).max() > 1e-4


def test_fgsm_training_is_first_order_l1_up_to_epsilon_squared(float64):
    # Theorem 3, on L(x') itself and away from the box: L(x') - L(x) -
    # eps ||dL||_1 = O(eps^2). Halving eps divides the rest by 4.
    del float64
    model = networks.tiny_cnn(activation="softplus")
    x, y = networks.labelled(model, 6, low=0.3, high=0.7)
    x, y = tf.constant(x), tf.constant(y)
    from tfrobust.attacks import FGSM
    from tfrobust.ops.differentiation import Forward

    gradient = Forward(model, x).gradient(cross_entropy, y)
    rests = []
    for epsilon in (0.02, 0.01):
        attack = FGSM(NormBall("inf", epsilon=epsilon))
        x_adv = attack.perturb(model, x, y, None)
        rest = cross_entropy(y, model(x_adv)) - cross_entropy(y, model(x))
        rests.append((rest - epsilon * l1_norm(gradient)).numpy())
    np.testing.assert_allclose(rests[0] / rests[1], 4.0, rtol=0.1)


def test_the_inner_loop_leaves_statistics_alone():
    # BatchNormalization moves once a step, by the outer pass at x'; an
    # attack in training mode would move it eight times.
    model = defenses.AdversarialTraining(_network(), epsilon=0.1, num_steps=7)
    model.compile(keras.optimizers.SGD(0.0), networks.sparse_loss())
    x, y = networks.batch(model.classifier, 8)
    norm = model.classifier.layers[2]
    model.train_on_batch(x, y)
    expected = norm.momentum * 1.0
    moved = (norm.moving_variance.numpy() - expected) / (1 - norm.momentum)
    # What is left is one batch variance: positive and of the size of one.
    features = model.classifier.layers[1](x).numpy()
    variance = features.reshape(-1, 4).var(0)
    np.testing.assert_allclose(moved, variance, rtol=0.5)


def test_the_transformed_input_may_leave_the_box():
    class Brighten(keras.layers.Layer):
        def call(self, x, training=False):
            return x + 2.0 if training else x

    seen = []

    class Watching(defenses.AdversarialTraining):
        def compute_robust_loss(self, y, forward, x_adv):
            seen.append((forward.x, x_adv))
            return super().compute_robust_loss(y, forward, x_adv)

    model = Watching(
        networks.tiny_cnn(),
        epsilon=0.1,
        num_steps=2,
        input_transform=Brighten(),
    )
    model.compile("sgd", networks.sparse_loss(), run_eagerly=True)
    x, y = networks.batch(model.classifier)
    model.train_on_batch(x, y)
    np.testing.assert_allclose(seen[0][0], x + 2.0)
    assert float(tf.reduce_min(seen[0][1])) > 1.5
    moved = tf.abs(seen[0][1] - seen[0][0])
    assert 0.05 < float(tf.reduce_max(moved)) < 0.1 + 1e-6
    # Training only: the evaluated model takes the original image.
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), model.classifier.predict(x, verbose=0)
    )


def test_noise_is_new_at_every_step():
    starts = []

    class Watching(defenses.AdversarialTraining):
        def perturb(self, x, y, noise):
            starts.append(
                self.attack.random_start(self.attack.threat_model, x, noise)
            )
            return x

    model = Watching(networks.tiny_cnn(), epsilon=0.1)
    model.compile("sgd", networks.sparse_loss(), run_eagerly=True)
    x, y = networks.batch(model.classifier)
    for _ in range(2):
        model.train_on_batch(x, y)
    assert float(tf.reduce_max(tf.abs(starts[0] - starts[1]))) > 0.01
