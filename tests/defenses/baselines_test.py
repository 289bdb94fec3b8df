"""LLR, MART, AWP, weight decay, label sources: formulas and reductions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust.attacks import FGSM
from tfrobust.defenses.mart import boosted_cross_entropy
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import kl_divergence
from tfrobust.objectives import LinearityError
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.sampling import BatchNoise
from tfrobust.penalties import GradientL1Norm
from tfrobust.threat_model import NormBall

pytestmark = pytest.mark.usefixtures("float64")


def _softmax(z):
    p = np.exp(z - z.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def _step(make, rate=0.1):
    keras.utils.set_random_seed(0)
    model = make(networks.tiny_cnn())
    for weight in model.classifier.trainable_weights:
        if len(weight.shape) == 1:  # a bias of zero would hide its decay
            weight.assign_add(0.3 + 0.0 * weight)
    start = model.classifier.get_weights()
    model.compile(keras.optimizers.SGD(rate), networks.sparse_loss())
    model.train_on_batch(*networks.batch(model.classifier, 6))
    return start, model.classifier.get_weights()


def test_boosted_cross_entropy_is_eq_8():
    z = np.random.default_rng(0).normal(size=(6, 4))
    y = np.array([0, 1, 2, 3, 0, 1])
    p = _softmax(z)
    own = p[np.arange(6), y]
    p[np.arange(6), y] = 0
    expected = -np.log(own) - np.log(1 - p.max(1))
    found = boosted_cross_entropy(tf.constant(y), tf.constant(z))
    np.testing.assert_allclose(found, expected)


def test_boosted_cross_entropy_is_finite_where_the_rival_is_certain():
    z = tf.constant([[0.0, 90.0, 0.0]], tf.float32)
    found = boosted_cross_entropy(tf.constant([0]), z)
    # -log p_y = 90, and 1 - p_1 = 2 e^-90 but for rounding.
    np.testing.assert_allclose(found, 180.0 - np.log(2.0), rtol=1e-6)


def test_mart_is_eq_11():
    model = defenses.MART(networks.tiny_cnn(), epsilon=0.1, beta=2.0)
    x, y = map(tf.constant, networks.batch(model.classifier, 6))
    x_adv = x + 0.05
    terms, _ = model.compute_robust_loss(y, model.forward(x), x_adv)
    z, moved = model.classifier(x), model.classifier(x_adv)
    own = _softmax(z.numpy())[np.arange(6), y.numpy()]
    np.testing.assert_allclose(
        terms["weighted_kl_divergence"],
        2.0 * kl_divergence(z, moved).numpy() * (1 - own),
    )
    np.testing.assert_allclose(
        terms["boosted_cross_entropy"], boosted_cross_entropy(y, moved)
    )
    values, _ = model.adaptive_objective(model.classifier, x, y)(x_adv)
    np.testing.assert_allclose(values, sum(terms.values()))


def test_linearity_error_is_the_remainder_of_first_order():
    # O(d^2): halving d divides it by 4.
    model = networks.tiny_cnn(activation="tanh")
    x, y = map(tf.constant, networks.batch(model, 6))
    score = LinearityError()(model, x, y)
    direction = tf.constant(np.random.default_rng(1).normal(size=x.shape))
    one, _ = score(x + 1e-3 * direction)
    half, _ = score(x + 5e-4 * direction)
    np.testing.assert_allclose(one / half, 4.0, rtol=0.02)
    zero, _ = score(x)
    np.testing.assert_array_equal(zero, 0)


def test_llr_is_eq_9():
    model = defenses.LLR(
        networks.tiny_cnn(), epsilon=0.1, weight=2.0, slope_weight=0.5
    )
    model.compile("sgd", networks.sparse_loss())
    x, y = map(tf.constant, networks.batch(model.classifier, 6))
    x_adv = x + 0.05
    terms, _ = model.compute_robust_loss(y, model.forward(x), x_adv)
    gradient = Forward(model.classifier, x).gradient(cross_entropy, y)
    slope = 0.05 * gradient.numpy().sum((1, 2, 3))
    loss, moved = (
        cross_entropy(y, model.classifier(p)).numpy() for p in (x, x_adv)
    )
    np.testing.assert_allclose(
        terms["linearity_error"], 2.0 * np.abs(moved - loss - slope), rtol=1e-9
    )
    np.testing.assert_allclose(terms["slope"], 0.5 * np.abs(slope))
    values, _ = model.adaptive_objective(model.classifier, x, y)(x_adv)
    np.testing.assert_allclose(values, moved + terms["linearity_error"])


def test_weight_decay_shrinks_kernels_and_spares_biases():
    # One SGD step: w <- w - rate * (dL + 2 wd w).
    start, plain = _step(defenses.RobustModel)
    _, decayed = _step(lambda c: defenses.RobustModel(c, weight_decay=0.3))
    for w, a, b in zip(start, plain, decayed, strict=True):
        expected = a - 0.1 * 2 * 0.3 * w if w.ndim > 1 else a
        np.testing.assert_allclose(b, expected, atol=1e-14)


def test_weight_perturbation_takes_the_gradient_at_moved_kernels():
    # By hand: gradient, move each kernel by 0.1 ||w|| g / ||g||, gradient
    # there, step from where the weights were.
    keras.utils.set_random_seed(0)
    network = networks.tiny_cnn()
    x, y = map(tf.constant, networks.batch(network, 6))
    weights = network.trainable_weights
    for weight in weights:
        if len(weight.shape) == 1:
            weight.assign_add(0.3 + 0.0 * weight)

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(cross_entropy(y, network(x, training=True)))
        return [g.numpy() for g in tape.gradient(loss, weights)]

    start = network.get_weights()
    for w, g in zip(weights, gradients(), strict=True):
        if len(w.shape) > 1:
            length = 0.1 * np.linalg.norm(w) / np.linalg.norm(g)
            w.assign(w.numpy() + length * g)
    expected = [w - 0.1 * g for w, g in zip(start, gradients(), strict=True)]
    _, found = _step(
        lambda c: defenses.RobustModel(
            c, weight_perturbation=defenses.WeightPerturbation(0.1)
        )
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


@pytest.mark.parametrize("radius, scale", [(0.0, 1.0), (0.5, 0.0)])
def test_no_weight_perturbation_of_radius_zero(radius, scale):
    def make(c):
        moved = defenses.WeightPerturbation(radius)
        model = defenses.RobustModel(c, weight_perturbation=moved)
        model.weight_scale.assign(scale)
        return model

    _, plain = _step(defenses.RobustModel)
    _, still = _step(make)
    for a, b in zip(plain, still, strict=True):
        np.testing.assert_array_equal(a, b)


def test_predicted_labels_are_what_the_attack_leaves():
    seen = []

    class Watching(defenses.RobustModel):
        def perturb(self, x, y, noise):
            seen.append(y)
            return super().perturb(x, y, noise)

    attack = FGSM(NormBall("inf", epsilon=0.1))
    for source in ("true", "predicted"):
        model = Watching(
            networks.tiny_cnn(), attack=attack, label_source=source
        )
        model.compile("sgd", networks.sparse_loss(), run_eagerly=True)
        x, _ = networks.batch(model.classifier, 6)
        predicted = model.classifier(x).numpy().argmax(1)
        y = (predicted + 1) % 3
        model.train_on_batch(x, y)
        expected = y if source == "true" else predicted
        np.testing.assert_array_equal(seen.pop(), expected)


def test_scales_turn_the_radius_and_every_term_but_the_first():
    model = defenses.TRADES(networks.tiny_cnn(), epsilon=0.2, beta=3.0)
    model.compile(keras.optimizers.SGD(0.0), networks.sparse_loss())
    x, y = networks.batch(model.classifier, 6, low=0.3, high=0.7)
    full = model.train_on_batch(x, y, return_dict=True)
    model.noise_counter.assign(0)
    model.weight_scale.assign(0.5)
    half = model.train_on_batch(x, y, return_dict=True)
    assert half["kl_divergence"] > 0.01
    assert half["kl_divergence"] == pytest.approx(0.5 * full["kl_divergence"])
    assert half["classification_loss"] == full["classification_loss"]
    model.noise_counter.assign(0)
    model.epsilon_scale.assign(0.0)
    none = model.train_on_batch(x, y, return_dict=True)
    assert none["kl_divergence"] == pytest.approx(0.0, abs=1e-15)
    assert none["loss"] == pytest.approx(none["classification_loss"])


def test_an_average_of_the_weights_is_keras_own():
    keras.utils.set_random_seed(0)
    model = defenses.GradientNorm(networks.tiny_cnn(), weight=0.5)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
    model.compile(optimizer, networks.sparse_loss())
    x, y = networks.batch(model.classifier, 6)
    # It starts from the weights after the first step.
    model.train_on_batch(x, y)
    average = model.classifier.get_weights()
    for _ in range(3):
        model.train_on_batch(x, y)
        now = model.classifier.get_weights()
        average = [
            0.75 * a + 0.25 * w for a, w in zip(average, now, strict=True)
        ]
    optimizer.finalize_variable_values(model.trainable_variables)
    for a, w in zip(average, model.classifier.get_weights(), strict=True):
        np.testing.assert_allclose(w, a, atol=1e-12)


def test_noise_of_size_zero_is_plain_training():
    # 1/2 L(x) + 1/2 L(x), up to rounding.
    _, plain = _step(defenses.RobustModel)
    _, still = _step(lambda c: defenses.CorrelatedNoiseTraining(c, stddev=0))
    for a, b in zip(plain, still, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    _, noisy = _step(lambda c: defenses.CorrelatedNoiseTraining(c, stddev=0.3))
    moved = [np.abs(a - b).max() for a, b in zip(plain, noisy, strict=True)]
    assert max(moved) > 1e-4


def test_noisy_images_stay_in_the_box():
    model = defenses.CorrelatedNoiseTraining(networks.tiny_cnn(), stddev=0.5)
    x, y = map(tf.constant, networks.batch(model.classifier, 6))
    noise = BatchNoise(0, model.noise_counter, offset=0, total=6)
    noisy = model.perturb(x, y, noise).numpy()
    assert noisy.min() == 0.0 and noisy.max() == 1.0


def test_weight_perturbation_keeps_activity_regularisers():
    def make(**arguments):
        network = networks.tiny_dense()
        network.layers[1].activity_regularizer = keras.regularizers.L2(0.1)
        model = defenses.RobustModel(network, **arguments)
        model.compile(keras.optimizers.SGD(0.1), networks.sparse_loss())
        return model

    results = []
    for radius in (None, defenses.WeightPerturbation(0.0)):
        keras.utils.set_random_seed(0)
        model = make(weight_perturbation=radius)
        x, y = networks.batch(model.classifier, 6)
        loss = model.train_on_batch(x, y)
        results.append((loss, model.classifier.get_weights()[0]))
    (plain_loss, plain), (own_loss, own) = results
    assert own_loss == pytest.approx(plain_loss)
    np.testing.assert_allclose(own, plain, atol=1e-14)


def test_an_adaptive_attack_climbs_penalties_too():
    penalty = GradientL1Norm(0.7)
    network = networks.tiny_cnn()
    x, y = map(tf.constant, networks.batch(network, 6))
    own = defenses.TRADES(network, epsilon=0.1, beta=2.0)
    more = defenses.TRADES(network, epsilon=0.1, beta=2.0, penalties=[penalty])
    values, _ = own.adaptive_objective(network, x, y)(x + 0.05)
    with_penalty, _ = more.adaptive_objective(network, x, y)(x + 0.05)
    expected = values + penalty(y, Forward(network, x + 0.05))
    np.testing.assert_allclose(with_penalty, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
def test_labels_of_any_integer_type(dtype):
    model = defenses.MART(networks.tiny_cnn(), epsilon=0.1, num_steps=1)
    model.compile("sgd", networks.sparse_loss())
    x, y = networks.batch(model.classifier, 6)
    logs = model.train_on_batch(x, y.astype(dtype))
    assert np.isfinite(logs).all()
