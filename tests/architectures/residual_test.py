"""The pieces of the papers' networks, by numbers and by what they refuse."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tests.contracts import architectures_test as contract
from tests.penalties.gradients_test import directional_derivatives
from tfrobust import architectures
from tfrobust import recipes
from tfrobust.architectures import common
from tfrobust.architectures import residual
from tfrobust.ops.differentiation import Forward
from tfrobust.penalties import SquaredGradientNorm

PAPERS = ("vgg", "resnet_v1", "resnet_v2", "wide_resnet", "densenet_bc")
every_paper = pytest.mark.parametrize("name", PAPERS)


def _layers(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def _uniform(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


def _silence(norm):
    norm.gamma.assign(tf.zeros_like(norm.gamma))


@pytest.mark.parametrize("side", [7, 8])
def test_strides_keep_the_pixels_under_the_kernels_centre(side):
    inputs = keras.Input((side, side, 1))
    outputs = common.bare_convolution(inputs, 1, 3, strides=2)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1.0
    model.set_weights([kernel])
    x = _uniform(2, side, side, 1)
    np.testing.assert_array_equal(model(x), x[:, ::2, ::2])


def test_statistics_follow_in_ten_steps():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, common.normalization(inputs))
    x = _uniform(8, 2)
    for _ in range(10):
        model(x, training=True)
    (norm,) = _layers(model, keras.layers.BatchNormalization)
    expected = (1 - 0.9**10) * x.mean(0)
    np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-5)


def test_he_beside_normalisation_and_keras_own_without():
    # Variance 2 / fan_in against 2 / (fan_in + fan_out).
    fan = 9 * 64
    for normalized, variance in ((True, 2 / fan), (False, 1 / fan)):
        model = architectures.vgg(
            depth=11, width=16, batch_normalization=normalized
        )
        kernel = _layers(model, keras.layers.Conv2D)[3].kernel
        assert kernel.shape == (3, 3, 64, 64)
        assert np.var(kernel) == pytest.approx(variance, rel=0.05)


def test_silent_units_leave_padded_identities():
    """With F = 0 what remains is every fourth pixel and zeros."""
    model = architectures.resnet_v1((8, 8, 3), depth=14)
    norms = _layers(model, keras.layers.BatchNormalization)
    for norm in norms[2::2]:
        _silence(norm)
    stem = _layers(model, keras.layers.Activation)[0].output
    features = model.get_layer("features").output
    both = keras.Model(model.input, [stem, features])
    stem, features = both(_uniform(2, 8, 8, 3))
    kept = np.mean(stem[:, ::4, ::4], axis=(1, 2))
    np.testing.assert_allclose(features[:, :16], kept, rtol=1e-6)
    np.testing.assert_array_equal(features[:, 16:], np.zeros((2, 48)))


def _silent_unit(filters, strides):
    """Return a unit whose F is zero, as a model."""
    inputs = keras.Input((4, 4, 2))
    outputs = residual.preactivated_unit(
        inputs, [(filters, 3), (filters, 3)], "relu", strides=strides
    )
    model = keras.Model(inputs, outputs)
    _silence(_layers(model, keras.layers.BatchNormalization)[-1])
    return model


def test_a_silent_unit_is_the_identity():
    x = _uniform(2, 4, 4, 2) - 0.5
    np.testing.assert_array_equal(_silent_unit(2, 1)(x), x)


def test_a_silent_unit_that_widens_projects_activations():
    model = _silent_unit(3, 2)
    (kernel,) = [w for w in model.weights if w.shape == (1, 1, 2, 3)]
    x = _uniform(2, 4, 4, 2) - 0.5
    # Fresh statistics: mean 0, variance 1.
    epsilon = _layers(model, keras.layers.BatchNormalization)[0].epsilon
    activated = np.maximum(x[:, ::2, ::2], 0) / np.sqrt(1 + epsilon)
    expected = activated @ kernel.numpy()[0, 0]
    np.testing.assert_allclose(model(x), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["resnet_v1", "densenet_bc"])
def test_weight_gradients_of_a_penalty_in_training_mode(name, float64):
    del float64
    model = contract.small(name, activation="softplus")
    x, y = networks.batch(model, 4)
    x, y = tf.constant(x), tf.constant(y)
    penalty = SquaredGradientNorm(1.0)

    def value():
        return tf.reduce_sum(penalty(y, Forward(model, x, training=True)))

    autodiff, difference = directional_derivatives(model, value)
    assert autodiff == pytest.approx(difference, rel=1e-4)


@every_paper
def test_standardisation_inside_is_standardisation_before(name):
    shape = contract.ROWS[name][0]
    mean, variance = [0.4, 0.5, 0.3][: shape[-1]], 0.04
    plain = contract.small(name)
    model = contract.small(name, mean=mean, variance=variance)
    model.set_weights(plain.get_weights())
    x = contract.images(name)
    before = (x - np.array(mean, "float32")) / 0.2
    np.testing.assert_allclose(model(x), plain(before), rtol=1e-4, atol=1e-5)


def test_dropout_is_where_the_papers_have_it():
    dropout = keras.layers.Dropout

    def count(name, **settings):
        model = contract.small(name, **settings)
        rates = [layer.rate for layer in _layers(model, dropout)]
        assert all(rate == settings.get("dropout", 0.5) for rate in rates)
        return len(rates)

    assert count("vgg") == 2
    assert count("vgg", dropout=0.0) == 0
    assert count("wide_resnet") == 0
    assert count("wide_resnet", dropout=0.3) == 3
    assert count("densenet_bc") == 0
    # Two in each layer, one in each transition.
    assert count("densenet_bc", dropout=0.2) == 3 * 2 + 2


@pytest.mark.parametrize(
    "name, settings, message",
    [
        (
            "resnet_v1",
            {"depth": 21},
            "`depth` must be 6n + 2, such as 20 or 32. Received: depth=21",
        ),
        ("resnet_v1", {"depth": 2}, "`depth` must be at least 8."),
        ("resnet_v1", {"depth": 20.0}, "`depth` must be an integer."),
        ("resnet_v1", {"shortcut": "none"}, "one of identity, projection."),
        (
            "resnet_v2",
            {"depth": 30},
            "`depth` must be 9n + 2, such as 29 or 47. Received: depth=30",
        ),
        (
            "resnet_v2",
            {"bottlenecks": (16, 32)},
            "`bottlenecks` must be three numbers of filters",
        ),
        (
            "resnet_v2",
            {"bottlenecks": (16, 32, 0)},
            "`bottlenecks` must be at least 1.",
        ),
        (
            "wide_resnet",
            {"depth": 29},
            "`depth` must be 6n + 4, such as 28 or 34. Received: depth=29",
        ),
        ("wide_resnet", {"width": 0}, "`width` must be at least 1."),
        (
            "densenet_bc",
            {"depth": 41},
            "`depth` must be 6n + 4, such as 40 or 100. Received: depth=41",
        ),
        (
            "densenet_bc",
            {"growth_rate": 0},
            "`growth_rate` must be at least 1.",
        ),
        (
            "vgg",
            {"depth": 12},
            "`depth` must be one of 11, 13, 16, 19. Received: depth=12",
        ),
        ("vgg", {"width": 0}, "`width` must be at least 1."),
        (
            "vgg",
            {"mean": 0.5},
            "given together. Received: mean=0.5, variance=None",
        ),
        (
            "vgg",
            {"mean": (0.5, 0.5), "variance": 1},
            "`mean` must be a number or one for each of 3 channels.",
        ),
        ("vgg", {"mean": 0, "variance": 0}, "`variance` must be positive."),
    ],
)
def test_wrong_settings_say_what_came(name, settings, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        getattr(architectures, name)(**settings)
    assert "\n" not in str(error.value)


@every_paper
def test_images_too_small_or_flat_are_refused_in_one_line(name):
    smallest = "17x17" if name == "vgg" else "3x3"
    for shape in ((2, 32, 1), (7,)):
        with pytest.raises(ValueError, match=f"at least {smallest}") as error:
            recipes.make_architecture(name, shape, 10)
        assert f"`{name}` can't be made for images" in str(error.value)
        assert "\n" not in str(error.value)


def test_recipes_know_the_papers_networks():
    model = recipes.make_architecture("resnet_v1", (32, 32, 3), 10)
    assert model.name == "resnet_v1"
    assert model.output_shape == (None, 10)
