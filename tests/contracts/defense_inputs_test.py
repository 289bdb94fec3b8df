"""Defenses on other shapes, class counts, weights and precisions."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tests.contracts.defense_rows import compiled
from tests.contracts.defense_rows import every_defense
from tests.contracts.defense_rows import FIRST
from tests.contracts.defense_rows import fit
from tests.contracts.defense_rows import IMAGES_ONLY
from tests.contracts.defense_rows import ROWS
from tests.contracts.defense_rows import weights
from tfrobust.layers.exact_normalization import all_layers

# A row of each defense, in bfloat16; the rest take long.
_QUICK = {(name, "mixed_bfloat16") for name in FIRST.values()}


@pytest.mark.parametrize(
    "name, policy",
    [
        pytest.param(*key, marks=[] if key in _QUICK else pytest.mark.slow)
        for key in itertools.product(ROWS, ("mixed_bfloat16", "mixed_float16"))
    ],
)
def test_mixed_precision_follows_float32(name, policy):
    # A step of 0.01 in bfloat16 (8 bits) lands near that of float32.
    expected, moved = _movement(name, "float32"), _movement(name, policy)
    cosine = moved @ expected
    cosine /= np.linalg.norm(moved) * np.linalg.norm(expected)
    assert cosine > 0.95
    length = np.linalg.norm(moved) / np.linalg.norm(expected)
    assert 0.8 < length < 1.25


def _movement(name, policy):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    model = compiled(name, optimizer=keras.optimizers.SGD(0.01))
    before = weights(model)
    x, y = networks.batch(model.classifier, 64)
    fit(model, x, y, batch_size=64)
    # Heads may keep full precision.
    computed = {a.compute_dtype for a in all_layers(model.classifier)}
    assert policy.split("_")[-1] in computed
    return weights(model) - before


@pytest.mark.parametrize(
    "shape, num_classes",
    [
        ((6, 6, 3), 2),
        ((7,), 10),
        pytest.param((6, 6, 1), 100, marks=pytest.mark.slow),
    ],
)
@every_defense
def test_shapes_class_counts_and_weights(name, shape, num_classes):
    # Examples of weight 0 move nothing; of weight 1, something.
    if len(shape) == 3:
        classifier = networks.tiny_cnn(shape[2], num_classes)
    else:
        classifier = networks.tiny_dense(shape[0], num_classes)
    if len(shape) == 1 and name in IMAGES_ONLY:
        with pytest.raises(ValueError, match=IMAGES_ONLY[name]):
            compiled(name, classifier)
        return
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model = compiled(name, classifier, optimizer=keras.optimizers.SGD(rate))
    x, y = networks.batch(classifier, 4)
    start = weights(model)
    data = tf.data.Dataset.from_tensors((x, y, np.zeros(4, "float32")))
    model.fit(data, verbose=0)
    if model.weight_decay == 0:
        np.testing.assert_array_equal(weights(model), start)
    weight = {c: float(c in y) for c in range(num_classes)}
    fit(model, x, y, class_weight=weight)
    assert np.abs(weights(model) - start).max() > 1e-5
