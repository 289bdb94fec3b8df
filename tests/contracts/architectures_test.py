"""What every network promises. A public one without a row fails."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrobust import architectures
from tfrobust import layers

# name -> (smallest shape tested, trained weights at the defaults, settings of
# a small variant). Counts by hand, or by the layer tables that
# tests/architectures/published_test.py adds up:
# small_cnn: 320 + 9248 + 18496 + 36928 + 205000 + 40200 + 2010.
# ds_mnist_cnn: 832 + 51264 + 803072 + 2570.
# ds_convnet: 1792 + 36928 + 73856 + 147584 + 295168 + 2570.
# nine_layer: 1792 + 36928 + 73856 + 147584 + 819456 + 65792 + 2570.
# digits_cnn: 320 + 18496 + 131200 + 1290; dense_network: 4160 * 2 + 650.
ROWS = {
    "small_cnn": ((16, 16, 3), 312202, {}),
    "ds_mnist_cnn": ((8, 8, 1), 857738, {}),
    "ds_convnet": ((8, 8, 3), 557898, {}),
    "nine_layer_cnn": ((16, 16, 1), 1147978, {}),
    "digits_cnn": ((8, 8, 3), 151306, {}),
    "dense_network": ((7,), 8970, {}),
    "vgg": ((17, 18, 1), 15249354, {"depth": 11, "width": 2}),
    "resnet_v1": ((3, 4, 3), 269722, {"depth": 8}),
    "resnet_v2": ((3, 4, 1), 840730, {"depth": 11}),
    "wide_resnet": ((3, 4, 3), 36479194, {"depth": 10, "width": 1}),
    "densenet_bc": ((3, 4, 1), 769162, {"depth": 10, "growth_rate": 3}),
}
every_network = pytest.mark.parametrize("name", ROWS)


def small(name, num_classes=3, **settings):
    """Return the small variant of a network."""
    shape, _, variant = ROWS[name]
    make = getattr(architectures, name)
    return make(shape, num_classes, **variant, **settings)


def images(name, size=2):
    """Return images that fit the small variant."""
    shape = (size, *ROWS[name][0])
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


def test_every_public_network_has_a_row():
    assert set(ROWS) == set(architectures.__all__)


@every_network
def test_published_size(name):
    weights = getattr(architectures, name)().trainable_weights
    assert sum(math.prod(w.shape) for w in weights) == ROWS[name][1]


@pytest.mark.parametrize("num_classes", [2, 100])
@every_network
def test_logits_features_activation_and_round_trip(name, num_classes, tmp_path):
    model = small(name, num_classes, activation="softplus")
    assert model.output_shape == (None, num_classes)
    assert model.get_layer("logits").activation is keras.activations.linear
    assert model.get_layer("features").output.shape[0] is None
    activations = {
        layer.activation.__name__
        for layer in model.layers
        if hasattr(layer, "activation")
    }
    assert activations == {"softplus", "linear"}
    x = images(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


@every_network
def test_another_activation_leaves_no_relu_in_the_graph(name):
    model = small(name, activation="softplus")
    x = tf.constant(images(name))
    graph = tf.function(model).get_concrete_function(x, training=True).graph
    kinds = {op.type for op in graph.get_operations()}
    assert "Softplus" in kinds
    assert "Relu" not in kinds


@every_network
def test_second_derivatives_are_exact(name):
    assert layers.inexact_layers(small(name)) == []


@every_network
def test_logits_are_float32_under_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert small(name)(images(name)).dtype == "float32"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((28, 28), 10), "`input_shape` must be"),
        (((28, 28, 1), 1), "`num_classes` must be at least 2"),
        (((28, 0, 1), 10), "`input_shape` must be"),
    ],
)
def test_bad_shapes(arguments, message):
    with pytest.raises(ValueError, match=message):
        architectures.small_cnn(*arguments)


def test_trades_head_starts_at_zero_logits_and_dropout_is_there():
    model = architectures.small_cnn(zero_head=True, dropout=0.5)
    x = np.random.default_rng(0).uniform(size=(2, 28, 28, 1))
    np.testing.assert_array_equal(model(x), np.zeros((2, 10)))
    rates = [
        layer.rate
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert rates == [0.5]
