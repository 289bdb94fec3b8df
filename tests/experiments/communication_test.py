"""Bytes on paper against what two replicas hand to their reductions."""

import keras
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import architectures
from tfrobust import recipes
from tfrobust.experiments import communication


@pytest.mark.parametrize(
    "name, settings",
    [
        ("standard", {}),
        ("trades", {"epsilon": 0.1, "num_steps": 2}),
        ("trades", {"epsilon": 0.1, "num_steps": 2, "awp_radius": 0.01}),
        ("sgr_fgsm", {"weight": 0.1, "epsilon": 0.1}),
        ("sgr_exponential", {"weight": 0.1}),
    ],
)
def test_replicas_reduce_what_the_shapes_say(name, settings, monkeypatch):
    strategy = networks.two_replicas()
    with strategy.scope():
        classifier = architectures.digits_cnn((8, 8, 1), 10)
        model = recipes.make_defense(name, classifier, **settings)
        model.compile("sgd", networks.sparse_loss(), jit_compile=False)
        model.optimizer.build(model.trainable_variables)
    reduced = []

    def spy(kind):
        original = getattr(tf.distribute.CrossDeviceOps, kind)

        def call(self, operation, values, *rest, **named):
            pairs = values if kind == "batch_reduce" else [(values, None)]
            reduced.extend(_size(value) for value, _ in pairs)
            return original(self, operation, values, *rest, **named)

        monkeypatch.setattr(tf.distribute.CrossDeviceOps, kind, call)

    spy("reduce")
    spy("batch_reduce")
    x, y = networks.batch(classifier, 8)
    model.fit(x, y, batch_size=8, verbose=0, steps_per_epoch=1)
    expected = communication.reduced_bytes(model)
    # Counts of rows and sums of logs are of some bytes each.
    assert 0 <= sum(reduced) - expected.total < 100
    assert expected.gradients >= 4 * classifier.count_params()
    # (2 * 8 - 1)² displacements and 8² pixels of one channel.
    state = {"sgr_fgsm": 4 * (15**2 + 8**2)}
    assert expected.state == state.get(name, 0)


def _size(values):
    one = tf.nest.flatten(values, expand_composites=False)[0]
    one = getattr(one, "values", [one])[0]
    return one.dtype.size * one.shape.num_elements()


def test_a_ring_moves_every_byte_nearly_twice():
    assert communication.ring_seconds(8, 8, 1.0) == 14.0
    assert communication.ring_seconds(100, 2, 50.0) == 2.0


def test_synchronised_normalisation_is_two_moments_a_channel():
    classifier = recipes.make_architecture(
        "wide_resnet", (8, 8, 1), 10, depth=10, width=1
    )
    norms = [
        layer
        for layer in classifier.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    model = recipes.make_defense("standard", classifier)
    channels = sum(layer.moving_mean.shape[0] for layer in norms)
    found = communication.reduced_bytes(model)
    assert found.normalisation == 2 * 4 * channels
    assert found.state == 0
