"""The input tape: first and second order, shared passes, laziness."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust.objectives import cross_entropy
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.differentiation import value_and_gradient
from tfrobust.ops.norms import l1_norm

pytestmark = pytest.mark.usefixtures("float64")


def test_gradient_equals_central_differences():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 3)
    forward = Forward(model, tf.constant(x))
    gradient = forward.gradient(cross_entropy, y).numpy()
    step = np.zeros_like(x)
    step[:, 2, 3, 0] = 1e-6
    above, below = (cross_entropy(y, model(x + s)) for s in (step, -step))
    slope = (above - below).numpy() / 2e-6
    np.testing.assert_allclose(gradient[:, 2, 3, 0], slope, rtol=1e-6)


def test_two_ways_to_the_gradient_agree():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 3)

    def score(x):
        logits = model(x, training=False)
        return cross_entropy(y, logits), logits

    _, _, expected = value_and_gradient(score, tf.constant(x))
    forward = Forward(model, tf.constant(x))
    gradient = forward.gradient(cross_entropy, y)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_an_outer_tape_sees_second_derivatives():
    model = networks.tiny_dense()
    x, y = networks.batch(model, 4)
    kernel = model.trainable_weights[0]

    def penalty():
        forward = Forward(model, tf.constant(x), training=True)
        gradient = forward.gradient(cross_entropy, y)
        return tf.reduce_sum(l1_norm(gradient))

    with tf.GradientTape() as tape:
        value = penalty()
    autodiff = tape.gradient(value, kernel).numpy()
    start, step = kernel.numpy(), np.zeros(kernel.shape)
    step[1, 2] = 1e-6
    kernel.assign(start + step)
    above = penalty()
    kernel.assign(start - step)
    slope = float(above - penalty()) / 2e-6
    assert autodiff[1, 2] == pytest.approx(slope, rel=1e-6)


def test_a_pass_that_nobody_looks_at_does_not_run():
    calls = []

    def count(x, training):
        calls.append(1)
        return x

    forward = Forward(count, tf.ones((1, 2)))
    assert calls == []
    _ = forward.logits
    _ = forward.gradient(lambda y, z: tf.reduce_sum(z, 1), tf.constant(0))
    assert calls == [1]


def test_values_that_ignore_the_input_have_zero_gradient():
    forward = Forward(lambda x, training: tf.ones((2, 3)), tf.ones((2, 4)))
    gradient = forward.gradient(
        lambda y, z: tf.reduce_sum(z, 1), tf.constant(0)
    )
    np.testing.assert_array_equal(gradient, np.zeros((2, 4)))


def test_gradients_of_two_labels_at_one_point_differ():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 4)
    forward = Forward(model, tf.constant(x))
    own, other = tf.constant(y), tf.constant((y + 1) % 3)
    first = forward.gradient(cross_entropy, own)
    second = forward.gradient(cross_entropy, other)
    assert first is forward.gradient(cross_entropy, own)
    fresh = Forward(model, tf.constant(x)).gradient(cross_entropy, other)
    np.testing.assert_array_equal(second, fresh)
    assert np.abs(first - second).max() > 1e-3
