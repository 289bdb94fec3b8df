"""Robust validation, checkpoints, and stopping on what isn't finite."""

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import callbacks
from tfrobust import defenses
from tfrobust.attacks import PGD
from tfrobust.experiments.training_record import best_epoch
from tfrobust.threat_model import NormBall


def _model(make=defenses.RobustModel, rate=0.1, **arguments):
    model = make(networks.tiny_cnn(), **arguments)
    model.compile(keras.optimizers.SGD(rate), networks.sparse_loss())
    return model


def test_validation_reports_the_attack_on_the_model_as_it_stands():
    model = _model()
    x, y = networks.batch(model.classifier, 30)
    attack = PGD(NormBall("inf", epsilon=0.05), num_steps=3)
    validation = callbacks.RobustValidation(x, y, attack)
    history = model.fit(x, y, verbose=0, callbacks=[validation]).history
    result = attack(model.classifier, x, y)
    assert history["val_robust_accuracy"] == [result.robust_accuracy]
    assert history["val_accuracy"] == [result.clean_accuracy]


class _Scripted(keras.callbacks.Callback):
    """Writes given robust and clean accuracies into the logs."""

    def __init__(self, values):
        super().__init__()
        self.values = values
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        robust, clean = self.values[epoch]
        logs |= {"val_robust_accuracy": robust, "val_accuracy": clean}
        self.weights.append(self.model.classifier.get_weights())


@pytest.mark.parametrize(
    "values, best",
    [
        ([(0.2, 0.9), (0.7, 0.8), (0.5, 0.9)], 1),
        # Of equals the higher clean accuracy, then the first.
        ([(0.7, 0.8), (0.7, 0.9), (0.7, 0.9), (0.7, 0.85)], 1),
        # What is below the floor is no best.
        ([(0.8, 0.4), (0.6, 0.5), (0.9, 0.49)], 1),
    ],
)
def test_best_and_last_are_both_kept(tmp_path, values, best):
    model = _model()
    x, y = networks.batch(model.classifier)
    script = _Scripted(values)
    keep = callbacks.KeepCheckpoints(tmp_path, clean_floor=0.5)
    epochs = len(values)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[script, keep])
    robust, clean = zip(*values, strict=True)
    history = {"val_robust_accuracy": robust, "val_accuracy": clean}
    assert best_epoch(history, 0.5) == best
    for name, epoch in (("best_robust.keras", best), ("last.keras", -1)):
        loaded = keras.models.load_model(tmp_path / name)
        for a, b in zip(
            loaded.classifier.get_weights(), script.weights[epoch], strict=True
        ):
            np.testing.assert_array_equal(a, b)
    assert {p.name for p in tmp_path.iterdir()} == {
        "best_robust.keras",
        "last.keras",
    }


def test_without_validation_only_the_last_is_kept(tmp_path):
    model = _model()
    x, y = networks.batch(model.classifier)
    keep = callbacks.KeepCheckpoints(tmp_path)
    model.fit(x, y, verbose=0, callbacks=[keep])
    assert [p.name for p in tmp_path.iterdir()] == ["last.keras"]


def test_dropout_is_a_function_of_seed_and_epoch(tmp_path):
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3)(x))

    def fit(model, epochs, first):
        x, y = networks.batch(network, 12)
        model.fit(
            x,
            y,
            batch_size=4,
            shuffle=False,
            verbose=0,
            epochs=epochs,
            initial_epoch=first,
            callbacks=[callbacks.SeedRandomLayers(7)],
        )

    model = defenses.RobustModel(network)
    model.compile(keras.optimizers.SGD(0.1), networks.sparse_loss())
    fit(model, 1, 0)
    model.save(tmp_path / "m.keras")
    fit(model, 2, 1)
    resumed = keras.models.load_model(tmp_path / "m.keras")
    fit(resumed, 2, 1)
    for a, b in zip(
        network.get_weights(), resumed.classifier.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_dropout_differs_from_epoch_to_epoch():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
    callback = callbacks.SeedRandomLayers(7)
    callback.set_model(model)
    outputs = []
    for epoch in (0, 1, 0):
        callback.on_epoch_begin(epoch)
        outputs.append(np.asarray(model(np.ones((8, 4)), training=True)))
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert not np.array_equal(outputs[0], outputs[1])


def test_a_loss_that_breaks_names_step_and_term():
    class Breaking(defenses.LFR):
        """Its flatness term overflows at the second step."""

        def compute_robust_loss(self, y, forward, x_adv):
            terms, logits = super().compute_robust_loss(y, forward, x_adv)
            broken = keras.ops.where(self.noise_counter >= 1, np.inf, 0.0)
            terms["flatness"] += keras.ops.cast(broken, "float32")
            return terms, logits

    model = _model(Breaking, epsilon=0.1, num_steps=1)
    x, y = networks.batch(model.classifier)
    with pytest.raises(
        callbacks.TrainingDiverged, match="epoch 1, step 2: flatness"
    ):
        model.fit(
            x,
            y,
            batch_size=2,
            verbose=0,
            callbacks=[callbacks.StopOnNonFinite()],
        )


def test_exploding_weights_are_told_from_a_broken_term():
    model = _model(rate=1e38)
    x, y = networks.batch(model.classifier)
    with pytest.raises(
        callbacks.TrainingDiverged, match=r"step 2: loss.*and the weights"
    ):
        model.fit(
            x,
            y,
            batch_size=4,
            verbose=0,
            callbacks=[callbacks.StopOnNonFinite()],
        )
