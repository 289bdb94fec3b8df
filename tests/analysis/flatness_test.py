"""Flatness: the linear oracle, theorem 1, and what each number is."""

import numpy as np
import pytest

from tests import networks
from tfrobust import analysis

_OF = {"model": "m", "model_digest": "0" * 64, "data": "", "provenance": {}}


def _binary():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 2))
    model = networks.linear(kernel)
    x = rng.uniform(0.3, 0.7, (5, 6)).astype("float32")
    return model, kernel, x, model(x).numpy().argmax(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gamma_of_a_binary_linear_softmax_is_at_the_fgsm_corner(dtype):
    model, kernel, x, y = _binary()
    record = analysis.local_flatness(
        model, x.astype(dtype), y, epsilon=0.2, num_restarts=6, **_OF
    )
    for row, (image, label) in enumerate(zip(x, y, strict=True)):
        w = kernel[:, 1 - label] - kernel[:, label]
        corner = image + 0.2 * np.sign(w)
        wrong = 1 / (1 + np.exp(-corner @ w))
        size = np.abs(w).sum()
        assert record.gamma[row] == pytest.approx(wrong * size, rel=1e-4)
        loss = np.log1p(np.exp(image @ w))
        worst = np.log1p(np.exp(corner @ w))
        assert record.loss[row] == pytest.approx(loss, rel=1e-4)
        assert record.worst_loss[row] == pytest.approx(worst, rel=1e-4)
        slope = size / (1 + np.exp(-image @ w))
        assert record.gradient_norm[row] == pytest.approx(slope, rel=1e-4)
        # The loss is convex: furthest from its tangent at a corner.
        best = np.log1p(np.exp((image - 0.2 * np.sign(w)) @ w))
        error = max(worst - loss - 0.2 * slope, best - loss + 0.2 * slope)
        assert record.linearity_error[row] == pytest.approx(error, rel=1e-2)
        # The slope rises towards the corner, so the segment ends in gamma.
        assert record.segment_gradient_norm[row] == pytest.approx(
            record.gamma[row], rel=1e-4
        )


def test_theorem_one_bounds_the_worst_loss(float64):
    del float64
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 6)
    record = analysis.local_flatness(
        model, x.astype("float64"), y, epsilon=0.15, num_steps=20, **_OF
    )
    slack = np.array(record.theorem_1_slack)
    # A grid of 101 points misses its maximum by little.
    assert (slack > -1e-4).all()
    risen = np.array(record.worst_loss) - record.loss
    assert (risen > 0).all() and (slack < risen).all()
    # Images that the attack broke are searched to the end all the same.
    assert (np.array(record.gamma) >= record.gradient_norm).all()


def test_gamma_is_no_less_than_on_the_segment_in_the_ball():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.batch(model, 40)
    # One step on the slope finds little; the way to the worst loss more.
    record = analysis.local_flatness(
        model, x, y, epsilon=0.3, num_steps=1, **_OF
    )
    assert (np.array(record.gamma) >= record.segment_gradient_norm).all()


def test_more_steps_find_no_less():
    model, _, x, y = _binary()
    found = [
        analysis.local_flatness(
            model, x, y, epsilon=0.2, num_steps=k, num_restarts=r, **_OF
        ).gamma
        for k, r in ((5, 1), (5, 3))
    ]
    assert (np.array(found[1]) >= np.array(found[0]) - 1e-6).all()
