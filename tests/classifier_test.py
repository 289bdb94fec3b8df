"""as_classifier: heads, preprocessing, features, whole applications."""

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import as_classifier
from tfrobust import defenses
from tfrobust.attacks import FGSM
from tfrobust.threat_model import NormBall


def _model(head, units=3, sequential=False):
    parts = [keras.layers.Dense(5, activation="relu"), *head(units)]
    if sequential:
        return keras.Sequential([keras.Input((4,)), *parts])
    inputs = x = keras.Input((4,))
    for layer in parts:
        x = layer(x)
    return keras.Model(inputs, x)


_HEADS = {
    "softmax": lambda n: [keras.layers.Dense(n, activation="softmax")],
    "softmax layer": lambda n: [keras.layers.Dense(n), keras.layers.Softmax()],
    "activation layer": lambda n: [
        keras.layers.Dense(n),
        keras.layers.Activation("softmax"),
    ],
    "linear": lambda n: [keras.layers.Dense(n)],
}


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("head", _HEADS.values(), ids=_HEADS.keys())
def test_logits_have_the_probabilities_of_the_model(head, sequential):
    model = _model(head, sequential=sequential)
    classifier = as_classifier(model)
    x = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")
    outputs, logits = np.asarray(model(x)), classifier(x)
    if head is not _HEADS["linear"]:
        logits = keras.ops.softmax(logits)
    np.testing.assert_allclose(logits, outputs, atol=1e-6)
    features = classifier.get_layer("features").output
    assert features.shape == (None, 5)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_becomes_two_logits(activation):
    head = keras.layers.Dense(1, activation=activation)
    model = _model(lambda n: [head], units=1)
    classifier = as_classifier(model)
    x = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")
    probability = np.asarray(model(x))[:, 0]
    if activation is None:
        probability = 1 / (1 + np.exp(-probability))
    found = np.asarray(keras.ops.softmax(classifier(x)))
    np.testing.assert_allclose(found[:, 1], probability, atol=1e-6)
    z = np.asarray(classifier(x))
    np.testing.assert_allclose(z[:, 0], -z[:, 1], atol=1e-6)


def test_branches_and_nested_models():
    inputs = keras.Input((4,))
    inner = _model(lambda n: [keras.layers.Dense(n, activation="relu")], 6)
    merged = keras.layers.Concatenate()([inner(inputs), inputs])
    side = keras.layers.Dense(3, name="side")(merged)
    outputs = keras.layers.Dense(3)(keras.layers.Add()([side, side]))
    model = keras.Model(inputs, keras.layers.Softmax()(outputs))
    x = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")
    found = keras.ops.softmax(as_classifier(model)(x))
    np.testing.assert_allclose(found, model(x), atol=1e-6)


def test_a_sequential_model_built_layer_by_layer():
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(5, activation="relu"))
    model.add(keras.layers.Dense(3, activation="softmax"))
    x = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")
    found = keras.ops.softmax(as_classifier(model)(x))
    np.testing.assert_allclose(found, model(x), atol=1e-6)


def test_preprocessing_stands_inside(tmp_path):
    model = _model(_HEADS["linear"])
    scale = keras.layers.Rescaling(2.0, offset=-1.0)
    classifier = as_classifier(model, scale)
    x = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")
    np.testing.assert_allclose(classifier(x), model(2.0 * x - 1.0), atol=1e-6)
    classifier.save(tmp_path / "c.keras")
    loaded = keras.models.load_model(tmp_path / "c.keras")
    np.testing.assert_array_equal(loaded(x), classifier(x))


def test_a_model_of_one_layer():
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation="softmax")(inputs)
    classifier = as_classifier(keras.Model(inputs, outputs))
    assert classifier.output_shape == (None, 3)


class _Subclassed(keras.Model):
    def call(self, x):
        return x


def _head_used_twice():
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(4)
    return keras.Model(inputs, layer(layer(inputs)))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: "resnet50", "built functional or Sequential"),
        (lambda: keras.Sequential([keras.layers.Dense(3)]), "built"),
        (_Subclassed, "subclassed model serves as it is"),
        (
            lambda: _model(
                lambda n: [keras.layers.Dense(n, activation="sigmoid")]
            ),
            "one sigmoid unit",
        ),
        (
            lambda: _model(lambda n: [keras.layers.ReLU()]),
            "must end in Dense",
        ),
        (_head_used_twice, "used once"),
        (
            lambda: _model(lambda n: [keras.layers.Dense(n, "relu")]),
            "must end in Dense.*relu",
        ),
    ],
)
def test_models_that_can_not_be_one(make, message):
    with pytest.raises(ValueError, match=message) as error:
        as_classifier(make())
    assert "\n" not in str(error.value)


_MOBILE = keras.applications.MobileNetV2
_RESNET = keras.applications.ResNet50


@pytest.mark.parametrize(
    "make, size, num_classes",
    [
        (_MOBILE, 96, 2),
        pytest.param(_MOBILE, 96, 10, marks=pytest.mark.slow),
        pytest.param(_RESNET, 96, 10, marks=pytest.mark.slow),
        pytest.param(_MOBILE, 96, 1000, marks=pytest.mark.slow),
        pytest.param(_RESNET, 224, 1000, marks=pytest.mark.slow),
        pytest.param(_MOBILE, 224, 1000, marks=pytest.mark.slow),
        pytest.param(_RESNET, 224, 2, marks=pytest.mark.slow),
    ],
)
def test_an_application_is_attacked_trained_saved_and_reloaded(
    make, size, num_classes, tmp_path
):
    model = make(weights=None, input_shape=(size, size, 3), classes=num_classes)
    scale = keras.layers.Rescaling(2.0, offset=-1.0)
    classifier = as_classifier(model, scale)
    x, _ = networks.batch(classifier, 2)
    np.testing.assert_allclose(
        keras.ops.softmax(classifier(x)), model(2 * x - 1), atol=1e-5
    )
    y = np.asarray(classifier(x)).argmax(1)
    ball = NormBall("inf", epsilon=8 / 255)
    result = FGSM(ball, keep_best=False)(classifier, x, y)
    assert ball.contains(result.x_adv, x).numpy().all()
    assert result.perturbation_norm.max() > 7 / 255

    defense = defenses.AdversarialTraining(
        classifier, epsilon=8 / 255, num_steps=1
    )
    defense.compile(keras.optimizers.SGD(0.01), networks.sparse_loss())
    before = classifier.get_layer("logits").get_weights()[0].copy()
    defense.train_on_batch(x, y)
    after = classifier.get_layer("logits").get_weights()[0]
    assert np.isfinite(after).all() and (after != before).any()
    defense.save(tmp_path / "defense.keras")
    loaded = keras.models.load_model(tmp_path / "defense.keras")
    np.testing.assert_allclose(loaded(x), defense(x), atol=1e-5)
