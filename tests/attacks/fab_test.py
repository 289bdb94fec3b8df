"""FAB on linear classifiers, where the boundary is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrobust import attacks
from tfrobust.threat_model import NormBall


def _linear(num_classes, size=12, seed=0):
    rng = np.random.default_rng(seed)
    model = keras.Sequential(
        [keras.Input((size,)), keras.layers.Dense(num_classes)]
    )
    kernel = rng.normal(size=(size, num_classes))
    model.set_weights([kernel, -kernel.sum(0) / 2])
    x = rng.uniform(0.4, 0.6, (15, size)).astype("float32")
    y = model(x).numpy().argmax(1)
    return model, kernel, x, y


def _distances(model, kernel, x, y, dual):
    logits = model(x).numpy()
    gaps = logits[np.arange(len(x)), y][:, None] - logits
    normals = kernel[:, y].T[:, None] - kernel.T[None]
    size = np.linalg.norm(normals, dual, axis=2)
    ratio = np.where(size > 0, gaps / np.where(size > 0, size, 1), np.inf)
    return ratio.min(1)


@pytest.mark.parametrize("norm, dual", [("inf", 1), (2, 2)])
def test_it_finds_the_boundary_of_a_linear_classifier(norm, dual):
    model, kernel, x, y = _linear(4)
    exact = _distances(model, kernel, x, y, dual)
    # A ball that holds nothing: no search ends early.
    for factor, broken in ((0.999, False), (1.05, True)):
        for i in range(len(x)):
            ball = NormBall(norm, epsilon=factor * exact[i])
            attack = attacks.TargetedFAB(ball, num_steps=30)
            result = attack(model, x[i : i + 1], y[i : i + 1])
            assert bool(result.success[0]) == broken


def test_a_run_keeps_the_nearest_point_and_the_box():
    model, _, x, y = _linear(3)
    x = np.clip(x * 2 - 0.4, 0, 1).astype("float32")
    y = model(x).numpy().argmax(1)
    ball = NormBall("inf", epsilon=0.5)
    result = attacks.TargetedFAB(ball, num_steps=20)(model, x, y)
    assert (
        ball.contains(tf.constant(result.x_adv), tf.constant(x)).numpy().all()
    )
    assert result.success.all()
