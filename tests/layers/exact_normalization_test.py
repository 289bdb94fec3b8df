"""Exact normalisation: same outputs, right second derivatives, warnings."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tests.penalties.gradients_test import directional_derivatives
from tfrobust import defenses
from tfrobust import layers
from tfrobust.ops.differentiation import Forward
from tfrobust.penalties import SquaredGradientNorm

_INEXACT = {
    "batch": keras.layers.BatchNormalization,
    "layer": keras.layers.LayerNormalization,
    "group": lambda: keras.layers.GroupNormalization(3),
    "instance": lambda: keras.layers.GroupNormalization(-1),
}
every_layer = pytest.mark.parametrize(
    "make", _INEXACT.values(), ids=_INEXACT.keys()
)


def _trained(make):
    model = networks.tiny_cnn(channels=2, normalization=make)
    rng = np.random.default_rng(0)
    model.set_weights(
        [w + 0.1 * rng.uniform(size=w.shape) for w in model.get_weights()]
    )
    return model


@every_layer
def test_outputs_are_equal_in_both_modes(make, float64):
    # float64: in float32 the variance of a small batch rounds at 3e-6.
    del float64
    model = _trained(make)
    exact = layers.with_exact_normalization(model)
    x, _ = networks.batch(model)
    for training in (False, True):
        np.testing.assert_allclose(
            exact(x, training=training), model(x, training=training), atol=1e-6
        )


@every_layer
def test_second_derivatives_are_right_after_and_wrong_before(make, float64):
    del float64
    model = _trained(make)
    exact = layers.with_exact_normalization(model)
    x, y = networks.batch(model, 6)
    x, y = tf.constant(x), tf.constant(y)
    errors = []
    for network in (model, exact):

        def value(network=network):
            forward = Forward(network, x, training=True)
            return tf.reduce_sum(SquaredGradientNorm(1.0)(y, forward))

        autodiff, difference = directional_derivatives(network, value)
        errors.append(abs(autodiff - difference) / abs(difference))
    assert errors[1] < 1e-5
    # The day TensorFlow is right this fails, and the layers can go.
    assert errors[0] > 1e-4


def test_several_axes_and_no_scale():
    inputs = keras.Input((4, 3, 2))
    norm = keras.layers.LayerNormalization(axis=[1, 3], center=False)
    model = keras.Model(inputs, norm(inputs))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    x = rng.normal(size=(5, 4, 3, 2)).astype("float32")
    exact = layers.with_exact_normalization(model)
    np.testing.assert_allclose(exact(x), model(x), atol=1e-6)


def test_nested_models_are_converted(tmp_path):
    inner = networks.tiny_cnn(normalization=keras.layers.LayerNormalization)
    inputs = keras.Input(inner.input_shape[1:])
    model = keras.Model(inputs, inner(inputs))
    assert len(layers.inexact_layers(model)) == 1
    exact = layers.with_exact_normalization(model)
    assert layers.inexact_layers(exact) == []
    x, _ = networks.batch(inner)
    np.testing.assert_allclose(exact(x), model(x), atol=1e-6)
    exact.save(tmp_path / "exact.keras")
    loaded = keras.models.load_model(tmp_path / "exact.keras")
    np.testing.assert_array_equal(loaded(x), exact(x))


@every_layer
def test_a_gradient_penalty_on_an_inexact_layer_warns(make, recwarn):
    model = _trained(make)
    name = layers.inexact_layers(model)[0].name
    with pytest.warns(UserWarning, match=f"{name}.*with_exact_normalization"):
        defenses.LFR(model, epsilon=0.1)
    with pytest.warns(UserWarning, match="wrong second derivatives"):
        defenses.GradientNorm(model, weight=1.0)
    recwarn.clear()
    defenses.AdversarialTraining(model, epsilon=0.1)
    defenses.LFR(layers.with_exact_normalization(model), epsilon=0.1)
    assert not [w for w in recwarn if "second" in str(w.message)]
