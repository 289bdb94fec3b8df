"""Every penalty's weight gradient against central differences, float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import layers
from tfrobust import penalties
from tfrobust.ops import spectral
from tfrobust.ops.differentiation import Forward

pytestmark = pytest.mark.usefixtures("float64")


def _structured(weight, form, value):
    # Built in the test's own policy.
    return penalties.StructuredGradient(weight, form((6, 6, 1), value=value))


ROWS = {
    "DecisionJacobian": penalties.DecisionJacobian,
    "DecisionJacobian-l2": lambda w: penalties.DecisionJacobian(w, 2),
    "DecisionJacobian-linf": lambda w: penalties.DecisionJacobian(w, "inf"),
    "GradientL1Norm": penalties.GradientL1Norm,
    "SquaredGradientNorm": penalties.SquaredGradientNorm,
    "StructuredGradient": lambda w: _structured(
        w, layers.FullCovariance, np.diag(np.linspace(0.5, 2.0, 36))
    ),
    "StructuredGradient-function": lambda w: _structured(
        w,
        layers.CovarianceFunction,
        spectral.exponential_kernel((6, 6, 1), 2.0),
    ),
}
every_penalty = pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
_NORMALIZATIONS = {
    "none": None,
    "exact layer": layers.ExactLayerNormalization,
    "exact group": lambda: layers.ExactGroupNormalization(3),
    "synchronized batch": lambda: keras.layers.BatchNormalization(
        synchronized=True
    ),
    "rms": keras.layers.RMSNormalization,
}


def test_every_public_penalty_has_a_row():
    kinds = {name: getattr(penalties, name) for name in penalties.__all__}
    base = penalties.Penalty
    public = {n for n, k in kinds.items() if issubclass(k, base)} - {"Penalty"}
    assert {name.split("-")[0] for name in ROWS} == public


def directional_derivatives(model, value, seed=0):
    """Return (autodiff, central difference) along a random direction."""
    weights = model.trainable_weights
    rng = np.random.default_rng(seed)
    directions = [rng.normal(size=w.shape) for w in weights]
    with tf.GradientTape() as tape:
        total = value()
    gradients = tape.gradient(total, weights)
    autodiff = sum(
        float(tf.reduce_sum(g * d))
        for g, d in zip(gradients, directions, strict=True)
        if g is not None
    )
    start, step, values = [w.numpy() for w in weights], 1e-6, []
    for sign in (1, -1):
        for w, s, d in zip(weights, start, directions, strict=True):
            w.assign(s + sign * step * d)
        values.append(float(value()))
    return autodiff, (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize(
    "normalization", _NORMALIZATIONS.values(), ids=_NORMALIZATIONS.keys()
)
@every_penalty
def test_weight_gradient(make, normalization):
    penalty = make(0.7)
    model = networks.tiny_cnn(normalization=normalization)
    x, y = networks.batch(model, 5)
    x, y = tf.constant(x), tf.constant(y)

    def value():
        return tf.reduce_sum(penalty(y, Forward(model, x, training=True)))

    autodiff, difference = directional_derivatives(model, value)
    assert autodiff == pytest.approx(difference, rel=1e-5)


@every_penalty
def test_penalty_is_per_example_linear_in_its_weight_and_not_negative(make):
    penalty = make(0.7)
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 5)
    values = penalty.evaluate(model, x, y).numpy()
    assert values.shape == (5,)
    assert (values >= 0).all()
    one = penalty.evaluate(model, x[3:4], y[3:4])
    np.testing.assert_allclose(one, values[3:4], rtol=1e-12)
    doubled = make(1.4).evaluate(model, x, y)
    np.testing.assert_allclose(doubled, 2 * values, rtol=1e-12)


def test_linear_softmax_in_closed_form():
    weights = np.random.default_rng(0).normal(size=(5, 3))
    model = networks.linear(weights)
    x, y = networks.batch(model, 6)
    z = np.exp(x @ weights)
    gradient = (z / z.sum(1, keepdims=True) - np.eye(3)[y]) @ weights.T
    l1 = penalties.GradientL1Norm(0.5).evaluate(model, x, y)
    np.testing.assert_allclose(l1, 0.5 * np.abs(gradient).sum(1))
    l2 = penalties.SquaredGradientNorm(0.5).evaluate(model, x, y)
    np.testing.assert_allclose(l2, 0.25 * (gradient**2).sum(1))


@every_penalty
def test_config_round_trip(make):
    config = keras.saving.serialize_keras_object(make(0.7))
    again = keras.saving.deserialize_keras_object(config)
    assert again.weight == 0.7
    assert keras.saving.serialize_keras_object(again) == config


@every_penalty
def test_negative_weight_is_refused(make):
    with pytest.raises(ValueError, match="`weight` must be non-negative"):
        make(-0.1)


@pytest.mark.parametrize(
    "norm, size",
    [
        (1, lambda d: np.abs(d).sum(1)),
        (2, lambda d: (d**2).sum(1)),
        ("inf", lambda d: np.abs(d).max(1)),
    ],
)
def test_linear_decision_function_in_closed_form(norm, size):
    # dS = w_y - w_j, j the strongest rival.
    weights = np.random.default_rng(0).normal(size=(5, 4))
    model = networks.linear(weights)
    x, y = networks.batch(model, 6)
    z = x @ weights
    z[np.arange(6), y] = -np.inf
    jacobian = (weights[:, y] - weights[:, z.argmax(1)]).T
    penalty = penalties.DecisionJacobian(0.5, norm)
    np.testing.assert_allclose(
        penalty.evaluate(model, x, y), 0.5 * size(jacobian)
    )
