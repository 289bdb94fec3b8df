"""The warm-up's scales, step by step."""

import keras
import pytest

from tests import networks
from tfrobust import callbacks
from tfrobust import defenses


class _Scales(keras.callbacks.Callback):
    """Remember the scales that each step ran with."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        scales = self.model.epsilon_scale, self.model.weight_scale
        self.seen.append(tuple(map(float, scales)))


def _scales(first_epoch=0, **epochs):
    model = defenses.TRADES(networks.tiny_cnn(), epsilon=0.1, num_steps=1)
    model.compile("sgd", networks.sparse_loss())
    x, y = networks.batch(model.classifier, 8)
    scales = _Scales()
    model.fit(
        x,
        y,
        batch_size=4,
        epochs=3,
        initial_epoch=first_epoch,
        verbose=0,
        callbacks=[callbacks.WarmUp(**epochs), scales],
    )
    return scales.seen


def test_scales_rise_linearly_and_stay():
    # Two steps an epoch.
    assert _scales(epsilon_epochs=2, weight_epochs=1) == [
        (0.0, 0.0),
        (0.25, 0.5),
        (0.5, 1.0),
        (0.75, 1.0),
        (1.0, 1.0),
        (1.0, 1.0),
    ]


def test_a_resumed_run_goes_on_where_it_was():
    whole = _scales(epsilon_epochs=3)
    assert _scales(1, epsilon_epochs=3) == whole[2:]


@pytest.mark.parametrize("name", ["epsilon_epochs", "weight_epochs"])
def test_negative_epochs_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 0"):
        callbacks.WarmUp(**{name: -1})


def test_a_plain_model_has_nothing_to_warm_up():
    model = networks.tiny_cnn()
    model.compile("sgd", networks.sparse_loss())
    x, y = networks.batch(model, 4)
    warm_up = callbacks.WarmUp(epsilon_epochs=1)
    with pytest.raises(ValueError, match="WarmUp needs a tfrobust defense"):
        model.fit(x, y, callbacks=[warm_up], verbose=0)
