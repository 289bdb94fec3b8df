"""Mistakes are refused at once, in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust import losses
from tfrobust.attacks import FGSM
from tfrobust.layers import PrincipalSubspace
from tfrobust.penalties import GradientL1Norm
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda c: defenses.LFR(c, epsilon=-1.0), "`epsilon`.*-1.0"),
        (lambda c: defenses.LFR(c, epsilon=1.0, weight=-1), "`weight`.*-1"),
        (lambda c: defenses.TRADES(c, epsilon=1.0, beta=-2), "`beta`.*-2"),
        (
            lambda c: defenses.TRADES(c, epsilon=1.0, random_start=None),
            "vanish at x",
        ),
        (lambda c: defenses.GradientNorm(c, weight=-1), "`weight`.*-1"),
        (
            lambda c: defenses.AdversarialTraining(
                c, epsilon=1.0, clean_weight=1.0
            ),
            "`clean_weight` must be below 1",
        ),
        (lambda c: defenses.RobustModel(c, seed=-3), "`seed`.*-3"),
        (lambda c: defenses.RobustModel("resnet"), "built keras.Model"),
        (
            lambda c: defenses.RobustModel(
                keras.Sequential([c, keras.layers.Softmax()])
            ),
            "ends in a softmax; use tfrobust.as_classifier",
        ),
        (
            lambda c: defenses.RobustModel(c, penalties=GradientL1Norm(1.0)),
            "`penalties` must be a list",
        ),
        (lambda c: defenses.RobustModel(c, attack="pgd"), "`attack` must be"),
        (
            lambda c: defenses.RobustModel(c, input_transform=tf.identity),
            "`input_transform` must be",
        ),
        (
            lambda c: defenses.RobustModel(
                keras.Model(c.inputs, [c.output, c.output])
            ),
            "one output, logits",
        ),
        (
            lambda c: defenses.RobustModel(_subclassed()),
            "functional or Sequential",
        ),
        (
            lambda c: defenses.RobustModel(
                c, penalties=[GradientL1Norm(1.0), GradientL1Norm(2.0)]
            ),
            "differ in kind",
        ),
        (
            lambda c: defenses.TRADES(c, epsilon=0.1, attack=FGSM(_BALL)),
            "`TRADES` makes its attack",
        ),
        (
            lambda c: defenses.RobustModel(networks.tiny_cnn(num_classes=1)),
            "of one sigmoid unit",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make(networks.tiny_cnn())
    assert "\n" not in str(error.value)


def _subclassed():
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    network = Network()
    network(np.zeros((1, 4), "float32"))
    return network


def _fit(loss, change=lambda x, y: (x, y)):
    model = defenses.RobustModel(networks.tiny_cnn())
    model.compile("sgd", loss)
    model.fit(*change(*networks.batch(model.classifier)), verbose=0)


@pytest.mark.parametrize(
    "loss, message",
    [
        ("sparse_categorical_crossentropy", "loss of logits per example"),
        (None, "loss of logits per example"),
        (keras.losses.SparseCategoricalCrossentropy(), "from_logits=True"),
        (lambda y, z: keras.ops.mean(z), "one value per example"),
        (keras.losses.sparse_categorical_crossentropy, "from_logits=False"),
        (
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="sum"
            ),
            "reduction='sum'",
        ),
        (losses.MaxMahalanobis(), "must end in MaxMahalanobisHead"),
    ],
)
def test_a_loss_that_is_not_one_of_logits(loss, message):
    with pytest.raises(ValueError, match=message):
        _fit(loss)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y: ((x * 255).astype("uint8"), y), "divide integers"),
        (lambda x, y: (x * 255, y), r"divide pixels.*values from .* to 2\d\d"),
        (lambda x, y: (x * np.nan, y), "8 of 8 images"),
        (lambda x, y: (x, y.astype("float32")), "Labels must be integers"),
        (lambda x, y: (x, y + 5), r"Labels must lie in \[0, 2\]"),
        (lambda x, y: (x, np.eye(3, dtype=int)[y]), "one-hot"),
    ],
)
def test_data_that_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        _fit(networks.sparse_loss(), change)


def test_a_loss_function_and_column_labels_are_taken():
    def loss(y, logits):
        return keras.ops.relu(1.0 - keras.ops.max(logits, -1))

    model = defenses.RobustModel(networks.tiny_cnn())
    model.compile("sgd", loss)
    x, y = networks.batch(model.classifier)
    expected = float(keras.ops.mean(loss(y, model.classifier(x))))
    history = model.fit(x, y[:, np.newaxis], verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y: (x * 255, y), r"divide pixels.*values from .* to 2\d\d"),
        (lambda x, y: (x - 1, y), r"Images must lie in \[0, 1\].*from -0\.9"),
        (lambda x, y: (x * np.nan, y), "values from nan to nan"),
        (lambda x, y: (x, y + 2), r"Labels must lie in \[0, 2\].* 2 to 4"),
    ],
)
@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_a_batch_of_a_pipeline_that_does_not_fit(change, message, eagerly):
    # The first batch is good, the second isn't.
    model = defenses.RobustModel(networks.tiny_cnn())
    model.compile("sgd", networks.sparse_loss(), run_eagerly=eagerly)
    x, y = networks.batch(model.classifier)
    bad_x, bad_y = change(x, y)
    arrays = np.concatenate([x, bad_x]), np.concatenate([y, bad_y])
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(8)
    start = model.classifier.get_weights()
    model.fit(data.take(1), verbose=0)
    moved = model.classifier.get_weights()
    assert any((a != b).any() for a, b in zip(start, moved, strict=True))
    with pytest.raises(ValueError, match=message) as error:
        model.fit(data.skip(1), verbose=0)
    assert "\n" not in str(error.value)
    for a, b in zip(moved, model.classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.MeanSquaredError(),
        keras.losses.Huber(),
        keras.losses.CategoricalHinge(),
    ],
)
def test_a_loss_that_broadcasts_labels_is_refused_at_any_batch_size(loss):
    model = defenses.RobustModel(networks.tiny_cnn(num_classes=4))
    model.compile("sgd", loss)
    x, y = networks.batch(model.classifier, 8)
    with pytest.raises(ValueError, match="integer labels"):
        model.fit(x, y, batch_size=4, verbose=0)


def test_a_subspace_of_images_in_another_range_is_refused():
    classifier = networks.tiny_cnn()
    x, y = networks.batch(classifier, 20)
    subspace = PrincipalSubspace(3, num_noise_components=2)
    subspace.adapt(255.0 * x)
    model = defenses.RobustModel(classifier, input_transform=subspace)
    model.compile("sgd", networks.sparse_loss())
    with pytest.raises(ValueError, match="lie in \\[0, 1\\].*mean image"):
        model.fit(x, y, verbose=0)


def test_a_box_of_its_own_is_the_attacks_too():
    classifier = networks.tiny_cnn()
    x, y = networks.batch(classifier, 16)
    model = defenses.TRADES(
        classifier, epsilon=8.0, num_steps=2, bounds=(0, 255)
    )
    assert model.attack.threat_model == NormBall(
        "inf", epsilon=8.0, bounds=(0, 255)
    )
    model.compile("sgd", networks.sparse_loss())
    model.fit(255.0 * x, y, verbose=0)


@pytest.mark.parametrize(
    "compiled, message",
    [
        (lambda: {"jit_compile": True}, "`jit_compile` can't be .* 2 replicas"),
        (lambda: {"steps_per_execution": 2}, "`steps_per_execution` can't be"),
        (
            lambda: {
                "optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)
            },
            "`gradient_accumulation_steps` can't be",
        ),
    ],
)
def test_what_replicas_can_not_do_is_refused_with_the_reason(compiled, message):
    arguments = {"optimizer": "sgd", "jit_compile": False}
    with networks.two_replicas().scope():
        arguments |= compiled()
        classifier = networks.tiny_cnn()
        model = defenses.RobustModel(classifier)
        model.compile(loss=networks.sparse_loss(), **arguments)
    x, y = networks.batch(classifier, 4)
    with pytest.raises(ValueError, match=message) as error:
        model.fit(x, y, verbose=0)
    assert "\n" not in str(error.value)
