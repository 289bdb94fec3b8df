"""Model files: defenses, plain models, and what isn't one."""

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import defenses
from tfrobust import experiments


def test_a_defense_gives_its_classifier(tmp_path):
    model = defenses.RobustModel(networks.tiny_cnn())
    model.save(tmp_path / "m.keras")
    loaded = experiments.load_classifier(tmp_path / "m.keras")
    x, _ = networks.batch(model.classifier)
    np.testing.assert_array_equal(loaded(x), model.classifier(x))


def test_a_softmax_is_stripped(tmp_path):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation="softmax")(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "m.keras")
    loaded = experiments.load_classifier(tmp_path / "m.keras")
    x = np.random.default_rng(0).uniform(size=(3, 4))
    np.testing.assert_allclose(
        keras.ops.softmax(loaded(x)), model(x), atol=1e-6
    )


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_model(content, tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a Keras model file") as error:
        experiments.load_classifier(path)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="There is no model file"):
        experiments.load_classifier(tmp_path / "m.keras")
