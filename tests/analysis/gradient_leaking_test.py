"""Gradient leaking against double loops and closed forms."""

import numpy as np
import pytest

from tests import networks
from tfrobust import analysis
from tfrobust.attacks import FGSM
from tfrobust.ops.principal_components import principal_components
from tfrobust.threat_model import NormBall

_OF = {"model": "m", "model_digest": "0" * 64, "data": "", "provenance": {}}


def _components(x, count):
    flat = x.reshape(len(x), -1)
    return principal_components(lambda: [flat], flat.shape[1], count)


def test_shares_are_the_double_loop():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(7, 2, 3)) * 10.0 ** rng.uniform(-9, 0, (7, 1, 1))
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    found = analysis.mean_shares(vectors, basis)
    for d in (1, 3, 6):
        alphas = []
        for vector in vectors.reshape(7, 6):
            inside = sum((vector @ basis[:, i]) ** 2 for i in range(d))
            alphas.append(inside / (vector @ vector))
        assert found[d - 1] == pytest.approx(np.mean(alphas))
    assert found[-1] == pytest.approx(1.0)


def test_tiny_gradients_keep_their_direction():
    # Squares of 1e-30 are zero in float32, and 1e-200's in float64.
    assert analysis.mean_shares(np.array([[3e-200, 4e-200]]), np.eye(2)) == (
        pytest.approx(0.36),
        pytest.approx(1.0),
    )


def test_vectors_of_zeros_do_not_count():
    vectors = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert analysis.mean_shares(vectors, np.eye(2)) == (1.0, 1.0)
    assert analysis.mean_shares(vectors[1:], np.eye(2)) == (0.0, 0.0)
    none = np.zeros((0, 2, 3, 1))  # an attack that breaks no image
    assert analysis.mean_shares(none, np.eye(6)[:, :2]) == (0.0, 0.0)


def test_a_linear_model_leaks_what_its_normal_has_in_the_subspace():
    # Two classes: every loss gradient is along w1 - w0.
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(5, 2))
    model = networks.linear(kernel, np.array([0.1, 0.0]))
    x = rng.uniform(0.2, 0.8, (40, 5)).astype("float32")
    y = model(x).numpy().argmax(1)
    components = _components(x, 5)
    attack = FGSM(NormBall(2, epsilon=1.0, bounds=None))
    record = analysis.gradient_leaking(
        model, x, y, components, {"fgm": attack}, **_OF
    )
    normal = kernel[:, 1] - kernel[:, 0]
    share = (normal @ components.eigenvectors) ** 2 / (normal @ normal)
    expected = np.cumsum(share)
    np.testing.assert_allclose(record.shares["loss gradient"], expected, 1e-4)
    # FGM's perturbations are along the gradient.
    np.testing.assert_allclose(
        record.shares["perturbation by fgm"], expected, 1e-4
    )
    broken = record.counts["perturbation by fgm"]
    assert len(record.perturbation_norms["fgm"]) == broken > 0
    assert record.counts["loss gradient"] == 40
    # Of the very images the components are of, the variance is the energy
    # up to the weights that normalising gives.
    assert record.shares["image"][-1] == pytest.approx(1.0)
    probability = 1 / (1 + np.exp(np.abs(x @ normal - 0.1)))
    norm = np.mean(probability) * np.linalg.norm(normal)
    assert record.mean_gradient_norm == pytest.approx(norm, rel=1e-4)


def test_components_of_other_images_are_refused():
    model = networks.tiny_cnn()
    x, y = networks.batch(model, 4)
    components = _components(np.random.default_rng(0).random((9, 5)), 3)
    with pytest.raises(ValueError, match="images of 36 entries.*5"):
        analysis.gradient_leaking(model, x, y, components, **_OF)
