"""Shares along training, against tapes, loops and the analysis' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from tests import networks
from tfrobust import analysis
from tfrobust import defenses
from tfrobust.attacks.compilation import compiled_functions
from tfrobust.callbacks.gradient_leaking import GradientLeakingTracker
from tfrobust.ops.principal_components import principal_components


class _Weights(keras.callbacks.Callback):
    """Keep the classifier's weights at the start and after each epoch."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.seen = [network.get_weights()]

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.network.get_weights())


def _setting(count=20):
    network = networks.tiny_cnn()
    x, y = networks.batch(network, count)
    flat = x.reshape(count, -1)
    return network, x, y, principal_components(lambda: [flat], 36, 12)


def _mean_share(network, weights, x, y, components, d):
    """Return alpha_bar_d by a tape and a double loop."""
    copy = keras.models.clone_model(network)
    copy.set_weights(weights)
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(y, copy(images))
        )
    shares = []
    for g in tape.gradient(loss, images).numpy().reshape(len(x), -1):
        g = g.astype("float64")
        inside = sum((g @ components.eigenvectors[:, i]) ** 2 for i in range(d))
        shares.append(inside / (g @ g))
    return np.mean(shares)


@pytest.mark.parametrize("robust", [False, True])
def test_shares_are_those_of_each_epochs_weights(robust):
    network, x, y, components = _setting()
    model = defenses.RobustModel(network) if robust else network
    model.compile(keras.optimizers.SGD(0.5), networks.sparse_loss())
    tracker = GradientLeakingTracker(x, y, components, [3, 9], batch_size=8)
    weights = _Weights(network)
    logs = model.fit(
        x, y, epochs=2, verbose=0, callbacks=[tracker, weights]
    ).history
    assert tracker.history["epoch"] == [0, 1, 2]
    for d in (3, 9):
        found = tracker.history[f"gradient_leaking_{d}"]
        # The logs begin with the first epoch, the history before it.
        assert logs[f"gradient_leaking_{d}"] == found[1:]
        for share, at in zip(found, weights.seen, strict=True):
            expected = _mean_share(network, at, x, y, components, d)
            assert share == pytest.approx(expected, rel=1e-4)
        assert len(set(found)) == 3
    record = analysis.gradient_leaking(
        network,
        x,
        y,
        components,
        model="",
        model_digest="",
        data="",
        provenance={},
    )
    last = tracker.history["gradient_leaking_9"][-1]
    assert record.shares["loss gradient"][8] == pytest.approx(last)


def test_a_linear_model_has_its_normals_share_whatever_it_learns():
    # Two classes: the gradient is along w1 - w0, of which one look is one
    # product with the first component.
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(5, 2))
    model = networks.linear(kernel)
    x = rng.uniform(0.0, 1.0, (30, 5)).astype("float32")
    components = principal_components(lambda: [x], 5, 5)
    tracker = GradientLeakingTracker(x, [0, 1] * 15, components, [1, 5])
    tracker.set_model(model)
    w = kernel[:, 1] - kernel[:, 0]
    share = (w @ components.eigenvectors[:, 0]) ** 2 / (w @ w)
    assert tracker.shares() == {
        "gradient_leaking_1": pytest.approx(share, rel=1e-4),
        "gradient_leaking_5": pytest.approx(1.0),
    }


def test_a_resumed_run_counts_on_and_nothing_is_traced_again():
    network, x, y, components = _setting()
    network.compile("sgd", networks.sparse_loss())
    tracker = GradientLeakingTracker(x, y, components, [3])
    fit = {"verbose": 0, "callbacks": [tracker]}
    network.fit(x, y, epochs=1, **fit)
    before = compiled_functions(network)
    network.fit(x, y, initial_epoch=1, epochs=3, **fit)
    assert tracker.history["epoch"] == [1, 2, 3]
    # Logits at the start, and the gradient.
    assert compiled_functions(network) == before and len(before) == 2


def test_tensorboard_reads_the_same_numbers(tmp_path):
    network, x, y, components = _setting()
    network.compile("sgd", networks.sparse_loss())
    tracker = GradientLeakingTracker(
        x, y, components, [3, 9], log_dir=tmp_path / "logs"
    )
    assert not list(tmp_path.iterdir())
    network.fit(x, y, epochs=2, verbose=0, callbacks=[tracker])
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    for name in ("gradient_leaking_3", "gradient_leaking_9"):
        seen = {
            e.step: float(tf.make_ndarray(e.tensor_proto))
            for e in events.Tensors(name)
        }
        assert list(seen) == [0, 1, 2]
        np.testing.assert_allclose(
            list(seen.values()), tracker.history[name], rtol=1e-6
        )


@pytest.mark.parametrize("dimensions", [[], [13], [3, 40]])
def test_dimensions_that_are_not_there_are_refused(dimensions):
    _, x, y, components = _setting()
    with pytest.raises(ValueError, match="some of 1 to 12"):
        GradientLeakingTracker(x, y, components, dimensions)


def test_components_of_other_images_are_refused():
    _, x, y, components = _setting()
    with pytest.raises(ValueError, match="images of 9 entries.*36"):
        GradientLeakingTracker(x[:, :3, :3], y, components, [3])
    with pytest.raises(ValueError, match="as many as images.*19 labels"):
        GradientLeakingTracker(x, y[1:], components, [3])


def test_a_gradient_that_is_not_finite_shows():
    shares = analysis.mean_shares(
        np.array([[np.nan, 1.0], [3.0, 4.0]]), np.eye(2)
    )
    assert np.isnan(shares).all()


def test_a_model_that_does_not_fit_is_refused_before_it_trains():
    network, x, y, components = _setting()
    softmax = keras.Model(
        network.inputs, keras.layers.Softmax()(network.outputs[0])
    )
    classes = network.output_shape[1]
    for model, labels, message in (
        (softmax, y, "probabilities"),
        (network, np.full_like(y, classes), f"{classes}"),
    ):
        model.compile("sgd", networks.sparse_loss())
        before = model.get_weights()
        tracker = GradientLeakingTracker(x, labels, components, [3])
        with pytest.raises(ValueError, match=message):
            model.fit(x, y, verbose=0, callbacks=[tracker])
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
