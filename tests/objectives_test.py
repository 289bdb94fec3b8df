"""Scores against their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import objectives
from tfrobust.objectives import cross_entropy

_LOGITS = np.random.default_rng(0).normal(size=(6, 4)) * 3
_Y = np.array([0, 1, 2, 3, 0, 1])


def _softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_cross_entropy_is_minus_log_probability():
    expected = -np.log(_softmax(_LOGITS)[np.arange(6), _Y])
    np.testing.assert_allclose(
        cross_entropy(_Y, tf.constant(_LOGITS)), expected
    )


def test_margin_is_best_other_minus_own():
    expected = [
        max(z for i, z in enumerate(row) if i != y) - row[y]
        for row, y in zip(_LOGITS, _Y, strict=True)
    ]
    found = objectives.margin(tf.constant(_Y), tf.constant(_LOGITS))
    np.testing.assert_allclose(found, expected)
    wrong = _LOGITS.argmax(1) != _Y
    np.testing.assert_array_equal(found.numpy() > 0, wrong)


def test_the_ratio_of_logits_is_its_definition_and_has_no_scale():
    z = np.sort(_LOGITS, 1)[:, ::-1]
    own = _LOGITS[np.arange(6), _Y]
    rival = np.where(own == z[:, 0], z[:, 1], z[:, 0])
    expected = (rival - own) / (z[:, 0] - z[:, 2])
    ratio = objectives.difference_of_logits_ratio
    found = ratio(tf.constant(_Y), tf.constant(_LOGITS))
    np.testing.assert_allclose(found, expected)
    scaled = ratio(tf.constant(_Y), tf.constant(1e4 * _LOGITS + 7.0))
    np.testing.assert_allclose(scaled, expected)


def test_the_targeted_ratio_is_its_definition():
    z = np.sort(_LOGITS, 1)[:, ::-1]
    rows = np.arange(6)
    target = (_Y + 1) % 4
    expected = (_LOGITS[rows, target] - _LOGITS[rows, _Y]) / (
        z[:, 0] - (z[:, 2] + z[:, 3]) / 2
    )
    pairs = tf.constant(np.stack([_Y, target], 1))
    score = objectives.TowardsRival()(lambda x, training: x, None, pairs)
    found, _ = score(tf.constant(_LOGITS))
    np.testing.assert_allclose(found, expected)
    # Below four classes, the difference of the two logits.
    three = tf.constant(_LOGITS[:, :3])
    few = tf.constant([[0, 2]] * 6)
    score = objectives.TowardsRival()(lambda x, training: x, None, few)
    np.testing.assert_allclose(score(three)[0], _LOGITS[:, 2] - _LOGITS[:, 0])


def test_kl_divergence_is_its_sum_and_zero_only_at_equality():
    other = _LOGITS[::-1]
    p, q = _softmax(_LOGITS), _softmax(other)
    expected = (p * np.log(p / q)).sum(1)
    a, b = tf.constant(_LOGITS), tf.constant(other.copy())
    np.testing.assert_allclose(objectives.kl_divergence(a, b), expected)
    np.testing.assert_allclose(objectives.kl_divergence(a, a), 0, atol=1e-12)
    # Adding a constant to the logits changes no probability.
    np.testing.assert_allclose(
        objectives.kl_divergence(a, a + 5.0), 0, atol=1e-12
    )


def test_tempered_cross_entropy_is_its_definition():
    # z = x: the clean spreads are 3 and 1.
    model = networks.linear(np.eye(3))
    x = tf.constant([[3.0, 1.0, 0.0], [0.0, 1.0, 0.5]])
    x_adv = np.array([[2.0, 1.5, 1.0], [0.2, 0.4, 0.6]], np.float32)
    y = tf.constant([0, 1])
    score = objectives.TemperedCrossEntropy(spread=6.0)(model, x, y)
    values, logits = score(tf.constant(x_adv))
    tempered = x_adv * np.array([[2.0], [6.0]])
    expected = -np.log(_softmax(tempered)[[0, 1], [0, 1]])
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(logits, x_adv, rtol=1e-6)


def test_equal_logits_have_a_finite_tempered_value():
    model = networks.linear(np.eye(3))
    x = tf.ones((1, 3))
    score = objectives.TemperedCrossEntropy()(model, x, tf.constant([0]))
    # Log 3 at any temperature.
    np.testing.assert_allclose(score(x)[0], [np.log(3)], rtol=1e-6)


def test_a_small_clean_lead_leaves_a_gradient_further_on():
    # The label leads by 0.001 at x and by 3 at x', among logits of 0 to 4.
    model = networks.linear(np.eye(3))
    x = tf.constant([[4.0, 3.999, 0.0]])
    score = objectives.TemperedCrossEntropy()(model, x, tf.constant([0]))
    values, _ = score(tf.constant([[4.0, 1.0, 0.0]]))
    expected = np.log(1 + np.exp(-15) + np.exp(-20))
    # To float32's digits of the sum, about 1; the gradient has all its own.
    np.testing.assert_allclose(values, [expected], rtol=0, atol=2.5e-7)
    point = tf.Variable([[4.0, 1.0, 0.0]])
    with tf.GradientTape() as tape:
        values, _ = score(point)
    p = np.exp([0.0, -15.0, -20.0]) / np.exp([0.0, -15.0, -20.0]).sum()
    slope = tape.gradient(values, point)[0]
    np.testing.assert_allclose(slope[1:], 5.0 * p[1:], rtol=1e-5)


def test_kappa_stops_the_margin_from_growing():
    model = networks.linear(np.eye(3))
    x = np.array([[0.0, 1.0, 0.0], [0.5, 0.6, 0.0]], np.float32)
    y = tf.constant([0, 0])
    free, _ = objectives.Margin()(model, x, y)(x)
    capped, _ = objectives.Margin(kappa=0.2)(model, x, y)(x)
    np.testing.assert_allclose(free, [1.0, 0.1], rtol=1e-5)
    np.testing.assert_allclose(capped, [0.2, 0.1], rtol=1e-5)


@pytest.mark.usefixtures("float64")
def test_gradient_norm_of_a_linear_softmax_in_closed_form():
    # grad CE = W (p - onehot(y)).
    weights = np.random.default_rng(3).normal(size=(5, 3))
    model = networks.linear(weights)
    x, y = networks.batch(model, 4)
    p = _softmax(x @ weights) - np.eye(3)[y]
    expected = np.abs(p @ weights.T).sum(1)
    values, _ = objectives.GradientNorm(1)(model, x, y)(tf.constant(x))
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_targeted_is_minus_the_objective_of_the_target():
    model = networks.tiny_dense()
    x, y = networks.batch(model)
    targets = tf.constant((y + 1) % 3)
    plain, _ = objectives.CrossEntropy()(model, x, targets)(tf.constant(x))
    targeted = objectives.Targeted(objectives.CrossEntropy())
    values, logits = targeted(model, x, targets)(tf.constant(x))
    np.testing.assert_array_equal(values, -plain)
    np.testing.assert_array_equal(
        targeted.success(targets, logits),
        logits.numpy().argmax(1) == targets.numpy(),
    )


def test_targets_are_never_the_true_class():
    y = tf.constant([0, 1, 2])
    logits = tf.constant([[-9.0, 1, 2, 3], [0, 9, 1, 2], [4, 3, 9, 1]])
    least = objectives.LeastLikely()(y, logits)
    np.testing.assert_array_equal(least, [1, 0, 3])
    np.testing.assert_array_equal(
        objectives.NextLikely(1)(y, logits), [3, 3, 0]
    )
    np.testing.assert_array_equal(
        objectives.NextLikely(2)(y, logits), [2, 2, 1]
    )
    np.testing.assert_array_equal(
        objectives.NextLikely(9)(y, logits), [1, 0, 3]
    )


def test_the_mean_of_a_model_that_is_not_random_is_its_value(float64):
    del float64
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 4)
    labels = tf.constant(y)
    plain = objectives.Margin()(model, x, labels)
    mean = objectives.Expectation(objectives.Margin(), num_samples=3)
    averaged = mean(model, tf.constant(x), labels)
    for one, other in zip(plain(x), averaged(tf.constant(x)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_mean_over_passes_averages_what_is_random():
    # z = (+-1 + x, 0): one pass has a margin of -1 - x or 1 - x, the mean -x.
    class Coin:
        def __call__(self, x, training):
            sign = tf.sign(tf.random.uniform(tf.shape(x)) - 0.5)
            return tf.concat([x + sign, tf.zeros_like(x)], 1)

    mean = objectives.Expectation(objectives.Margin(), num_samples=4000)
    x = tf.constant([[0.2], [0.4]])
    labels = tf.constant([0, 0])
    values, logits = mean(Coin(), x, labels)(x)
    # Five standard errors.
    np.testing.assert_allclose(values, [-0.2, -0.4], atol=5 / 4000**0.5)
    assert logits.shape == (2, 2)
    assert mean.success(labels, logits).numpy().tolist() == [False, False]
