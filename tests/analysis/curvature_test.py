"""Derivatives against closed forms, explicit Hessians and numpy."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import analysis
from tfrobust.analysis.curvature import full_spectrum
from tfrobust.analysis.curvature import hessian_product
from tfrobust.analysis.curvature import lanczos
from tfrobust.objectives import CrossEntropy

_OF = {"model": "m", "model_digest": "0" * 64, "data": "", "provenance": {}}


def _linear(size=6, classes=4):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(size, classes))
    model = networks.linear(kernel)
    x = rng.uniform(0.2, 0.8, (3, size)).astype("float32")
    return model, kernel, x, model(x).numpy().argmax(1)


def test_a_linear_softmax_has_its_closed_form():
    model, kernel, x, y = _linear()
    record = analysis.curvature(model, x, y, num_eigenvalues=6, **_OF)
    for row, (image, label) in enumerate(zip(x, y, strict=True)):
        z = image @ kernel
        p = np.exp(z - z.max())
        p /= p.sum()
        hessian = kernel @ (np.diag(p) - np.outer(p, p)) @ kernel.T
        expected = np.linalg.eigvalsh(hessian)[::-1]
        np.testing.assert_allclose(record.eigenvalues[row], expected, atol=1e-4)
        z[label] = -np.inf
        jacobian = kernel[:, label] - kernel[:, z.argmax()]
        assert record.jacobian_l1[row] == pytest.approx(
            np.abs(jacobian).sum(), rel=1e-5
        )
        assert record.jacobian_l2[row] == pytest.approx(
            np.linalg.norm(jacobian), rel=1e-5
        )
    # One linear piece: S has no second derivative.
    assert not record.decision_bends
    mean = np.mean(record.jacobian_l1) / 6
    assert record.mean_jacobian_entry == pytest.approx(mean)


def test_near_zero_is_a_share_of_the_images_largest():
    kernel = np.array([[1.0, -1.0], [1e-4, 0.0], [0.0, 0.0], [0.01, 0.0]])
    model = networks.linear(kernel)
    x = np.full((2, 4), 0.5, "float32")
    record = analysis.curvature(model, x, [0, 0], near_zero=1e-3, **_OF)
    assert record.near_zero_share == 0.5  # 2, 1e-4, 0, 0.01 of at most 2


def test_a_smooth_network_bends_and_relu_does_not(float64):
    del float64
    for activation, bends in (("softplus", True), ("relu", False)):
        model = networks.tiny_cnn(activation=activation)
        x, y = networks.batch(model, 2)
        record = analysis.curvature(model, x, y, **_OF)
        assert record.decision_bends == bends


def test_products_are_finite_differences_of_the_gradient(float64):
    del float64
    model = networks.tiny_dense(5)
    x, y = networks.batch(model, 4)
    x = x.astype("float64")
    v = np.random.default_rng(1).normal(size=x.shape)
    product = hessian_product(model, x, y, CrossEntropy())(v)
    step = 1e-5
    ends = []
    for sign in (1, -1):
        at = tf.constant(x + sign * step * v)
        with tf.GradientTape() as tape:
            tape.watch(at)
            loss = CrossEntropy().values(tf.constant(y), model(at))
        ends.append(tape.gradient(loss, at).numpy())
    np.testing.assert_allclose(
        product, (ends[0] - ends[1]) / (2 * step), atol=1e-8
    )


def test_lanczos_finds_the_ends_of_a_known_spectrum():
    rng = np.random.default_rng(2)
    size = 80
    bases = [np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2)]
    values = np.concatenate([[-9.0, 12.0, 7.0], rng.uniform(-1, 1, size - 3)])
    hessians = [(b * values) @ b.T for b in bases]

    def product(v):
        return np.stack([h @ w for h, w in zip(hessians, v, strict=True)])

    ritz = lanczos(product, rng.normal(size=(2, size)), 40)
    for row in ritz:
        np.testing.assert_allclose(row[[0, -2, -1]], [-9, 7, 12], rtol=1e-8)
    np.testing.assert_allclose(
        full_spectrum(product, 2, size)[0], np.sort(values), atol=1e-10
    )


def test_lanczos_stops_where_the_subspace_ends():
    # Rank one: after two steps there is nothing more.
    u = np.full((1, 10), 1 / np.sqrt(10))

    def product(v):
        return 5.0 * u * (v @ u[0])[:, None]

    first = np.eye(1, 10)
    ritz = lanczos(product, first, 6)
    assert ritz[0][-1] == pytest.approx(5.0)
    np.testing.assert_allclose(ritz[0][:-1], 0.0, atol=1e-8)


def test_above_a_thousand_pixels_lanczos_agrees_with_the_closed_form():
    model, kernel, x, y = _linear(1100, 3)
    record = analysis.curvature(model, x[:1] * 0.01, y[:1], **_OF)
    z = 0.01 * x[0] @ kernel
    p = np.exp(z) / np.exp(z).sum()
    hessian = kernel @ (np.diag(p) - np.outer(p, p)) @ kernel.T
    expected = np.linalg.eigvalsh(hessian)[::-1][:2]
    np.testing.assert_allclose(record.eigenvalues[0][:2], expected, rtol=1e-3)
    assert record.mean_eigenvalue_size is None
