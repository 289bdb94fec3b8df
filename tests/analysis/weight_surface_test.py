"""Surfaces in the space of weights against explicit loops in numpy."""

import keras
import numpy as np
import pytest
from keras import layers

from tests import networks
from tfrobust.analysis.weight_surface import weight_direction
from tfrobust.analysis.weight_surface import weight_surface


def _linear():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 4))
    bias = rng.normal(size=4)
    x = rng.uniform(size=(9, 6)).astype("float32")
    model = networks.linear(kernel, bias)
    return model, kernel, bias, x, rng.integers(0, 4, 9)


def _outcomes(logits, y):
    """Return mean cross-entropy and accuracy, in float64."""
    top = logits.max(1, keepdims=True)
    sums = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
    own = logits[np.arange(len(y)), y]
    return np.mean(sums - own), np.mean(logits.argmax(1) == y)


def test_a_linear_models_surface_is_its_formula():
    model, kernel, bias, x, y = _linear()
    record = weight_surface(model, x, y, resolution=5, reach=2.0, seed=3)
    assert record.coordinates == (-2.0, -1.0, 0.0, 1.0, 2.0)
    first = weight_direction(model, 3, 0)[0]
    second = weight_direction(model, 3, 1)[0]
    for row, a in enumerate(record.coordinates):
        for column, b in enumerate(record.coordinates):
            moved = kernel + a * first + b * second
            loss, accuracy = _outcomes(x @ moved + bias, y)
            assert record.loss[row][column] == pytest.approx(loss, rel=1e-5)
            assert record.accuracy[row][column] == accuracy


def test_the_middle_is_the_model_itself():
    model = networks.tiny_cnn(normalization=layers.BatchNormalization)
    x, y = networks.batch(model, 20)
    model.compile(loss=networks.sparse_loss(), metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)  # statistics of its own
    record = weight_surface(model, x, y, resolution=3)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert record.loss[1][1] == pytest.approx(loss, rel=1e-5)
    assert record.accuracy[1][1] == pytest.approx(accuracy, abs=1e-6)
    around = [v for row in record.loss for v in row]
    assert len(set(around)) == 9


def _all_kinds():
    """Return a network of kernels whose output channels lie differently."""
    inputs = x = keras.Input((6, 6, 2))
    x = layers.Conv2D(3, 2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(2, depth_multiplier=2)(x)
    x = layers.SeparableConv2D(5, 2, depth_multiplier=3)(x)
    x = layers.Conv2DTranspose(4, 2)(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


# Kernel -> the indices that make one filter of an array of rank 4 or 2.
_FILTERS = {
    "conv2d": lambda w: [w[..., k] for k in range(3)],
    "depthwise": lambda w: [w[..., i, j] for i in range(3) for j in range(2)],
    "separable": lambda w: [w[..., i, j] for i in range(6) for j in range(3)],
    "pointwise": lambda w: [w[..., k] for k in range(5)],
    "transposed": lambda w: [w[:, :, k] for k in range(4)],
    "dense": lambda w: [w[:, k] for k in range(3)],
}


def test_every_filter_of_a_direction_is_as_long_as_the_weights():
    model = _all_kinds()
    variables = model.trainable_variables
    direction = weight_direction(model, 1)
    kernels = [
        (d, v.numpy())
        for d, v in zip(direction, variables, strict=True)
        if v.ndim > 1
    ]
    for filters, pair in zip(_FILTERS.values(), kernels, strict=True):
        parts = zip(*map(filters, pair), strict=True)
        for part, own in parts:
            assert np.linalg.norm(part) == pytest.approx(
                np.linalg.norm(own), rel=1e-5
            )
        # A direction, and not the weights again.
        assert abs(np.vdot(*pair)) < 0.9 * np.vdot(pair[1], pair[1])
    flat = [d for d in direction if d.ndim == 1]
    assert len(flat) == 7  # five biases, scale and shift
    assert all(not d.any() for d in flat)


def test_a_filter_of_zeros_does_not_move():
    kernel = np.array([[1.0, 0.0], [2.0, 0.0]])
    direction = weight_direction(networks.linear(kernel), 0)[0]
    assert not direction[:, 1].any()
    assert np.linalg.norm(direction[:, 0]) == pytest.approx(5**0.5)


def test_the_weights_stay_bit_for_bit_even_when_interrupted():
    model = networks.tiny_cnn(normalization=layers.BatchNormalization)
    x, y = networks.batch(model, 6)
    before = [v.numpy().tobytes() for v in model.variables]
    calls = []

    def stop(count):
        calls.append(count)
        if len(calls) == 2:
            raise KeyboardInterrupt

    whole = weight_surface(model, x, y, resolution=3)
    with pytest.raises(KeyboardInterrupt):
        weight_surface(model, x, y, resolution=3, progress=stop)
    assert calls == [3, 3]
    assert [v.numpy().tobytes() for v in model.variables] == before
    assert weight_surface(model, x, y, resolution=3) == whole


def test_the_surface_does_not_depend_on_the_batches():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 11)
    places = []
    small, large = (
        weight_surface(
            model,
            x,
            y,
            resolution=5,
            batch_size=size,
            progress=places.append,
        )
        for size in (3, 250)
    )
    np.testing.assert_allclose(small.loss, large.loss, atol=1e-6)
    assert small.accuracy == large.accuracy
    assert places == [5] * 10


def test_a_frozen_layer_does_not_move():
    model = networks.tiny_dense(5, activation="relu")
    x, y = networks.batch(model, 8)
    free = weight_surface(model, x, y, resolution=3)
    model.layers[1].trainable = False
    hidden, bias, head, head_bias = model.get_weights()
    features = np.maximum(x @ hidden + bias, 0)
    moved = head + weight_direction(model, 0, 0)[0]
    moved -= weight_direction(model, 0, 1)[0]
    frozen = weight_surface(model, x, y, resolution=3)
    expected = _outcomes(features @ moved + head_bias, y)[0]
    assert frozen.loss[2][0] == pytest.approx(expected, rel=1e-5)
    assert frozen.loss[1][1] == pytest.approx(free.loss[1][1], rel=1e-6)
    assert frozen.loss[2][0] != pytest.approx(free.loss[2][0], rel=1e-3)


def test_a_loss_that_is_not_finite_is_none():
    # A filter of one weight moves by its own size, up or down.
    kernel = np.array([[1.5e38, -1.5e38]])
    model = networks.linear(kernel)
    x = np.ones((1, 1), "float32")
    record = weight_surface(model, x, [0], resolution=3, seed=1)
    plane = [
        weight_direction(model, 1, k)[0][0].astype("float64") for k in (0, 1)
    ]
    missing = 0
    for row, a in enumerate((-1, 0, 1)):
        for column, b in enumerate((-1, 0, 1)):
            z = kernel[0] + a * plane[0] + b * plane[1]
            found = record.loss[row][column]
            if z[0] > np.finfo("float32").max:  # 3 * 1.5e38: softmax of inf
                missing += 1
                assert found is None
                assert record.accuracy[row][column] == 0.0
            else:
                assert found == pytest.approx(z.max() - z[0], rel=1e-5)
    assert missing == 1


def test_what_makes_no_surface_is_refused():
    model, _, _, x, y = _linear()
    with pytest.raises(ValueError, match="must be odd.*Received: resolution=4"):
        weight_surface(model, x, y, resolution=4)
    with pytest.raises(ValueError, match="`reach` must be positive"):
        weight_surface(model, x, y, reach=0.0)
    model.trainable = False
    with pytest.raises(ValueError, match="Received: 0 trainable variables"):
        weight_surface(model, x, y, resolution=3)
    with pytest.raises(ValueError, match="`classifier` must be a Model"):
        weight_surface(lambda x, training: x, x, y)
