"""Algorithm 1: what is kept, what is noise, what is saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust import layers
from tfrobust.ops.sampling import BatchNoise

_SHAPE = (4, 3, 1)
_SIZE = 12


def _images(num_examples=60, shape=_SHAPE, dtype="float32"):
    """Return correlated images in [0, 1]."""
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    mixing = rng.normal(size=(size, size)) * np.linspace(1, 0.1, size)
    z = rng.normal(size=(num_examples, size)) @ mixing.T
    x = (z - z.min()) / (z.max() - z.min())
    return x.reshape(num_examples, *shape).astype(dtype)


def _adapted(d=4, m=3, *, c=2.0, seed=0, shape=_SHAPE, **kwargs):
    layer = layers.PrincipalSubspace(
        d, num_noise_components=m, noise_scale=c, seed=seed, **kwargs
    )
    layer.adapt(_images(60, shape, layer.variable_dtype))
    return layer


def _eigenpairs(x):
    """Return mean, eigenvalues and all eigenvectors, by numpy."""
    x = x.reshape(len(x), -1).astype("float64")
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))
    return x.mean(0), values[::-1], vectors[:, ::-1]


def _components(x, y):
    """Return the components of `y` in the principal directions of `x`."""
    mean, _, vectors = _eigenpairs(x)
    return (np.reshape(y, (len(y), -1)) - mean) @ vectors


def _assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_numpys_eigenpairs():
    layer = _adapted()
    mean, values, vectors = _eigenpairs(_images())
    basis = layer.basis.numpy()
    np.testing.assert_allclose(layer.mean.numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(layer.eigenvalues.numpy(), values[:7], rtol=1e-5)
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-5)
    overlap = np.abs(vectors[:, :7].T @ basis)
    np.testing.assert_allclose(overlap, np.eye(7), atol=1e-5)
    share = np.cumsum(values)[:7] / values.sum()
    np.testing.assert_allclose(layer.energy.numpy(), share, rtol=1e-6)
    assert {w.dtype for w in layer.weights} == {"float32", "int64"}
    assert layer.trainable_weights == []
    assert layer.num_examples.numpy() == 60


def test_without_training_an_image_is_left_alone():
    layer, x = _adapted(), _images(5)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)


def test_all_components_and_no_noise_is_the_identity(float64):
    # V V^T = I and the two products round at D eps = 3e-15 each.
    del float64
    layer, x = _adapted(_SIZE, 0), _images(dtype="float64")
    np.testing.assert_allclose(layer(x, training=True), x, atol=1e-13)
    np.testing.assert_allclose(layer.energy.numpy()[-1], 1.0, rtol=1e-12)
    assert (np.diff(layer.energy.numpy()) > 0).all()


def test_the_first_are_kept_and_the_last_are_dropped(float64):
    del float64
    layer, x = _adapted(), _images(dtype="float64")
    before = _components(x, x)
    for y, rest in (
        (layer(x, training=True), slice(7, None)),
        (layer.project(x), slice(4, None)),
    ):
        after = _components(x, y)
        np.testing.assert_allclose(after[:, :4], before[:, :4], atol=1e-13)
        np.testing.assert_allclose(after[:, rest], 0, atol=1e-13)


def test_projection_is_idempotent_and_what_no_noise_leaves(float64):
    del float64
    layer, x = _adapted(), _images(dtype="float64")
    once = layer.project(x)
    np.testing.assert_allclose(layer.project(once), once, atol=1e-13)
    for plain in (_adapted(m=0), _adapted(c=0.0)):
        np.testing.assert_allclose(plain(x, training=True), once, atol=1e-13)
    assert np.abs(once - x).max() > 0.01


def test_noise_has_c_squared_lambda_and_is_independent(float64):
    # A sample variance of n normals has standard error sqrt(2 / n) = 0.7 %,
    # a correlation 1 / sqrt(n) = 0.5 %: five of them.
    del float64
    layer, x = _adapted(c=3.0), _images(dtype="float64")
    repeated = np.repeat(x[:1], 40_000, axis=0)
    a = _components(x, layer(repeated, training=True))[:, 4:7]
    _, values, _ = _eigenpairs(x)
    deviations = 3.0 * np.sqrt(values[4:7])
    scaled = a / deviations
    np.testing.assert_allclose(scaled.mean(0), 0, atol=0.025)
    covariance = np.cov(scaled, rowvar=False, bias=True)
    np.testing.assert_allclose(covariance, np.eye(3), atol=0.036)


def test_directions_without_variance_get_no_noise():
    layer = layers.PrincipalSubspace(2, num_noise_components=8)
    x = np.tile(_images(4), (5, 1, 1, 1))
    layer.adapt(x)
    y = layer(x, training=True)
    # Rank 3 about the mean; what rounds to a variance stays that small.
    a = _components(x, y)
    np.testing.assert_allclose(a[:, 3:], 0, atol=1e-5)
    assert np.abs(a[:, 2]).max() > 0.1


def test_noise_is_new_at_every_call_and_a_function_of_the_seed():
    x = _images(5)
    one, same, other = _adapted(), _adapted(), _adapted(seed=1)
    first = one(x, training=True)
    np.testing.assert_array_equal(same(x, training=True), first)
    assert np.abs(other(x, training=True) - first).max() > 0.01
    assert np.abs(one(x, training=True) - first).max() > 0.01
    assert one.noise_counter.numpy() == 2


def test_noise_is_not_the_models_own():
    # Both have seed 0 and count the same steps.
    layer, x = _adapted(), _images(5)
    a = _components(_images(), layer(x, training=True))[:, 4:7]
    scale = 2.0 * np.sqrt(layer.eigenvalues.numpy()[4:])
    counter = tf.constant(0, tf.int64)
    noise = BatchNoise(0, counter, offset=0, total=5)
    own = noise.normal(tf.zeros((5, 3)))
    assert np.abs(np.abs(a / scale) - np.abs(own)).max() > 0.1


@pytest.mark.parametrize("kind", ["x", "xy", "xyw", "tensor", "array"])
def test_datasets_and_arrays_give_the_same_weights(kind):
    x, expected = _images(), _adapted()
    y = np.zeros(len(x))
    parts = {"x": x, "xy": (x, y), "xyw": (x, y, y)}
    if kind in parts:
        data = tf.data.Dataset.from_tensor_slices(parts[kind]).batch(7)
    else:
        data = tf.constant(x) if kind == "tensor" else x
    layer = layers.PrincipalSubspace(4, num_noise_components=3)
    layer.adapt(data)
    _assert_same_weights(layer, expected)


def test_a_dataset_of_unknown_shape_adapts_a_built_layer():
    x = _images()
    data = tf.data.Dataset.from_generator(
        lambda: iter([x[:20], x[20:]]), output_types=tf.float32
    )
    layer = layers.PrincipalSubspace(4, num_noise_components=3)
    with pytest.raises(ValueError, match="known shape"):
        layer.adapt(data)
    layer.build((None, *_SHAPE))
    layer.adapt(data)
    _assert_same_weights(layer, _adapted())


def test_flat_and_large_images_are_adapted_to():
    # Above D = 10,000 the eigenpairs are the randomised ones: here the data
    # have rank 5, so that six components hold them.
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(20, 5)) @ rng.uniform(size=(5, 10_001)) / 5
    layer = layers.PrincipalSubspace(6, num_noise_components=0)
    layer.adapt(x)
    assert layer.energy.numpy()[4] == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(layer(x, training=True), x, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_float32(policy):
    x = _images()
    expected = _adapted()(x, training=True)
    layer = _adapted(dtype=policy)
    y = layer(x, training=True)
    assert y.dtype == tf.float32
    np.testing.assert_array_equal(y, expected)
    # A half image comes back as one, rounded once.
    layer, full = _adapted(dtype=policy), _adapted()
    half = tf.cast(x, policy.removeprefix("mixed_"))
    y = layer(half, training=True)
    assert y.dtype == half.dtype
    rounded = tf.cast(full(tf.cast(half, "float32"), training=True), half.dtype)
    np.testing.assert_array_equal(y, rounded)


def _model(layer, **arguments):
    keras.utils.set_random_seed(0)
    classifier = networks.tiny_dense(_SIZE)
    inputs = keras.Input(_SHAPE)
    outputs = classifier(keras.layers.Flatten()(inputs))
    model = defenses.RobustModel(
        keras.Model(inputs, outputs), input_transform=layer, **arguments
    )
    model.compile(keras.optimizers.SGD(0.5), networks.sparse_loss())
    return model


def _fit(model, epochs):
    x = _images(10, dtype=model.variable_dtype)
    y = np.arange(10) % 3
    arguments = {"batch_size": 4, "shuffle": False, "verbose": 0}
    model.fit(x, y, epochs=epochs, **arguments)
    return np.concatenate([w.ravel() for w in model.classifier.get_weights()])


def test_one_epoch_saved_loaded_and_one_more_equal_two(tmp_path):
    whole = _fit(_model(_adapted()), 2)
    model = _model(_adapted())
    _fit(model, 1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    layer = loaded.input_transform
    assert layer.get_config() == model.input_transform.get_config()
    for a, b in zip(layer.weights, model.input_transform.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert layer.noise_counter.numpy() == 3
    np.testing.assert_array_equal(_fit(loaded, 1), whole)
    x = _images(4)
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), loaded.classifier.predict(x, verbose=0)
    )


def test_training_sees_what_the_layer_gives():
    # Rewriting the set first and training plainly on it is one epoch of it.
    transformed = _fit(_model(_adapted()), 1)
    layer, x = _adapted(), _images(10)
    rewritten = [layer(x[i : i + 4], training=True) for i in (0, 4, 8)]
    plain = _model(None, bounds=None)
    data = tf.data.Dataset.from_tensor_slices(
        (np.concatenate(rewritten), np.arange(10) % 3)
    )
    plain.fit(data.batch(4), verbose=0)
    weights = [w.ravel() for w in plain.classifier.get_weights()]
    np.testing.assert_allclose(transformed, np.concatenate(weights), atol=1e-6)


def _fit_mirrored(layer=None):
    """Take three steps on two replicas; return layer and first output."""
    strategy = networks.two_replicas()
    classifier_shape = (6, 6, 1)
    x = _images(10, classifier_shape, "float64")
    with strategy.scope():
        layer = layer or _adapted(shape=classifier_shape)
        # Not in a replica: the whole batch is here.
        first = layer(x, training=True)
        model = defenses.RobustModel(networks.tiny_cnn(), input_transform=layer)
        model.compile(keras.optimizers.SGD(0.5), networks.sparse_loss())
    model.fit(x, np.arange(10) % 3, batch_size=4, verbose=0)
    return layer, first


def test_replicas_count_a_step_once(float64):
    del float64
    layer, first = _fit_mirrored()
    x, one = _images(10, (6, 6, 1), "float64"), _adapted(shape=(6, 6, 1))
    np.testing.assert_array_equal(one(x, training=True), first)
    assert layer.noise_counter.numpy() == 1 + 3


def test_a_layer_from_outside_the_strategy_is_refused(float64):
    del float64
    with pytest.raises(ValueError, match=r"inside strategy.scope\(\)"):
        _fit_mirrored(_adapted(shape=(6, 6, 1)))


def test_adapting_comes_first(tmp_path):
    layer = layers.PrincipalSubspace(4, num_noise_components=3)
    x, model = _images(), _model(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    message = r"call adapt\(training images\) first"
    # A graph would build it, and in vain.
    with pytest.raises(ValueError, match=message):
        tf.function(layer)(tf.constant(x))

    def refuse():
        for use in (
            lambda: layer.project(x),
            lambda: layer(x, training=True),
            lambda: _fit(model, 1),
            lambda: _fit(loaded, 1),
        ):
            with pytest.raises(ValueError, match=message) as error:
                use()
            assert "\n" not in str(error.value)

    refuse()
    layer.build((None, *_SHAPE))
    refuse()
    np.testing.assert_array_equal(layer(x), x)
    layer.adapt(x)
    loaded.input_transform.adapt(x)
    np.testing.assert_array_equal(_fit(model, 1), _fit(loaded, 1))
    # The weights know it: they may come by another way than a file.
    other = layers.PrincipalSubspace(4, num_noise_components=3)
    other.build((None, *_SHAPE))
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other.project(x), layer.project(x))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_components": 0}, "`num_components` must be at least 1.*=0"),
        ({"num_components": 2.0}, "`num_components` must be an integer.*=2.0"),
        ({"num_noise_components": -1}, "`num_noise_components`.*=-1"),
        ({"noise_scale": -0.5}, "`noise_scale` must be non-negative.*=-0.5"),
        ({"seed": -1}, "`seed`.*=-1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        layers.PrincipalSubspace(**{"num_components": 3} | arguments)
    assert "\n" not in str(error.value)


def _dataset(x):
    return tf.data.Dataset.from_tensor_slices(x)


@pytest.mark.parametrize(
    "d, m, data, message",
    [
        (13, 0, _images(), "at most D=12 .*num_components=13"),
        (10, 3, _images(), "at most D=12 .*num_noise_components=3"),
        (4, 3, _images()[:0], "must not be empty"),
        (4, 3, np.full((9, *_SHAPE), np.nan), "must be finite.*9 of 9"),
        (4, 3, np.ones((9, *_SHAPE), "uint8"), "must be floats"),
        (4, 3, np.ones((9, *_SHAPE)), "must differ.*9 equal"),
        (4, 3, _images()[0], "must have shape .batch"),
        (4, 3, (x for x in [_images()]), "must have shape .batch"),
        (4, 3, _dataset(_images()), r"call dataset.batch\(size\)"),
        (4, 3, _dataset({"x": _images()}).batch(4), r"\(x, y, weight\)"),
        (4, 3, _dataset(_images()).batch(4).repeat(), "leave out repeat"),
        (4, 3, _dataset(_images()).batch(4).take(0), "at least 1 example"),
    ],
)
def test_data_that_do_not_fit(d, m, data, message):
    layer = layers.PrincipalSubspace(d, num_noise_components=m)
    with pytest.raises(ValueError, match=message) as error:
        layer.adapt(data)
    assert "\n" not in str(error.value)


def test_images_of_another_shape_or_type():
    layer = _adapted()
    other = _images(shape=(3, 4, 1))
    for use in (
        layer.adapt,
        layer.project,
        lambda x: layer(x, training=True),
        lambda x: layer.adapt(_dataset(x).batch(4)),
    ):
        with pytest.raises(ValueError, match=r"\(4, 3, 1\).*\(.*3, 4, 1\)"):
            use(other)
    integers = np.ones((2, *_SHAPE), "uint8")
    for use in (layer.project, lambda x: layer(x, training=True)):
        with pytest.raises(ValueError, match="must be floats.*uint8"):
            use(integers)
