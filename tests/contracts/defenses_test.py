"""What every defense promises. A public defense without a row fails."""

import keras
import numpy as np
import pytest

from tests import networks
from tests.contracts.defense_rows import compiled
from tests.contracts.defense_rows import every_defense
from tests.contracts.defense_rows import fit
from tests.contracts.defense_rows import ROWS
from tests.contracts.defense_rows import rows_of_replicas
from tests.contracts.defense_rows import trained
from tests.contracts.defense_rows import weights
from tfrobust import defenses

pytestmark = pytest.mark.usefixtures("float64")


def test_every_public_defense_has_a_row():
    public = [getattr(defenses, name) for name in defenses.__all__]
    models = {d.__name__ for d in public if issubclass(d, keras.Model)}
    assert {n.split("-")[0] for n in ROWS} == models


@every_defense
def test_a_step_is_finite_moves_weights_and_logs_its_terms(name):
    row = trained(name)
    assert np.isfinite(row.after).all()
    assert np.abs(row.after - row.before).max() > 1e-3
    model = row.model
    names = [*model.loss_terms, *(p.name for p in model.penalties)]
    if len(names) > 1:
        total = sum(row.history[name][0] for name in names)
        assert row.history["loss"][0] == pytest.approx(total, rel=1e-5)
    logs = model.evaluate(row.x, row.y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "accuracy"}


@every_defense
def test_keras_file_round_trip_is_exact_and_trains_on(name, tmp_path):
    # One more epoch of the model equals one of its saved copy: weights,
    # optimizer, noise counter.
    row = trained(name)
    row.model.save(tmp_path / "model.keras")
    fit(row.model, row.x, row.y)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert _own_config(loaded) == _own_config(row.model)
    fit(loaded, row.x, row.y)
    np.testing.assert_array_equal(weights(loaded), weights(row.model))


def _own_config(model):
    config = model.get_config()
    return {k: v for k, v in config.items() if k != "classifier"}


@rows_of_replicas
def test_two_replicas_equal_one(name):
    row = trained(name)
    with networks.two_replicas().scope():
        two = compiled(name)
    two.classifier.set_weights(row.start)
    history = fit(two, row.x, row.y)
    # Counters, covariances and bases too.
    for a, b in zip(two.get_weights(), row.state, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    assert history["loss"] == pytest.approx(row.history["loss"], rel=1e-9)


@every_defense
def test_eager_equals_graph(name):
    row = trained(name)
    eager = compiled(name, run_eagerly=True)
    eager.classifier.set_weights(row.start)
    fit(eager, row.x, row.y)
    np.testing.assert_allclose(weights(eager), row.after, atol=1e-9)


@every_defense
def test_prediction_is_the_classifiers(name):
    row = trained(name)
    np.testing.assert_array_equal(
        row.model.predict(row.x, verbose=0),
        row.model.classifier.predict(row.x, verbose=0),
    )
