"""SGR's penalty: its reductions and closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import penalties
from tfrobust.layers import CovarianceFunction
from tfrobust.layers import FullCovariance
from tfrobust.ops import spectral

pytestmark = pytest.mark.usefixtures("float64")


def test_the_identity_is_the_gradient_norm():
    model = networks.tiny_cnn(channels=2)
    x, y = networks.batch(model, 5)
    expected = penalties.SquaredGradientNorm(0.7).evaluate(model, x, y)
    # Without standardisation, and a kernel that decays at once.
    kernel = spectral.exponential_kernel((6, 6, 2), 1e-3)
    for sigma in (
        FullCovariance((6, 6, 2), value=np.eye(72)),
        CovarianceFunction((6, 6, 2), value=kernel),
    ):
        penalty = penalties.StructuredGradient(0.7, sigma)
        np.testing.assert_allclose(
            penalty.evaluate(model, x, y), expected, rtol=1e-12
        )


def test_one_layer_softmax_in_closed_form():
    # Eq. (20): d = w_y - sum_k p_k w_k; eq. (13) in its simplest case.
    rng = np.random.default_rng(0)
    weights, root = rng.normal(size=(5, 3)), rng.normal(size=(5, 5))
    sigma = root @ root.T
    model = networks.linear(weights)
    x, y = networks.batch(model, 6)
    p = np.exp(x @ weights)
    p /= p.sum(1, keepdims=True)
    d = (np.eye(3)[y] - p) @ weights.T
    penalty = penalties.StructuredGradient(
        0.5, FullCovariance((5,), value=sigma)
    )
    np.testing.assert_allclose(
        penalty.evaluate(model, x, y),
        0.25 * np.einsum("bi,ij,bj->b", d, sigma, d),
        rtol=1e-12,
    )


def test_a_learned_sigma_of_gradients_is_their_second_moment():
    model = networks.tiny_cnn()
    x, y = map(tf.constant, networks.batch(model, 5))
    from tfrobust.objectives import cross_entropy
    from tfrobust.ops.differentiation import Forward

    sigma = FullCovariance((6, 6, 1), mean_variance=None)
    penalty = penalties.StructuredGradient(1.0, sigma)
    forward = Forward(model, x)
    penalty.update_state(y, forward, None)
    g = forward.gradient(cross_entropy, y).numpy().reshape(5, 36)
    np.testing.assert_allclose(
        sigma.covariance, g.T @ g / 5, rtol=1e-10, atol=1e-15
    )
    expected = 0.5 * ((g @ g.T) ** 2).sum(1) / 5
    np.testing.assert_allclose(penalty(y, forward), expected, rtol=1e-10)


def test_predicted_labels_perturb_for_the_class_that_is_predicted():
    # Perturbing for a wrong label and for the prediction differ; for the
    # prediction as label they are the same.
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    wrong = (y + 1) % 3
    moments = {}
    for source in ("true", "predicted"):
        for name, labels in (("wrong", wrong), ("own", y)):
            sigma = FullCovariance((6, 6, 1), mean_variance=None)
            penalty = penalties.StructuredGradient(
                1.0,
                sigma,
                penalties.SignPerturbation(),
                label_source=source,
            )
            from tfrobust.ops.differentiation import Forward

            forward = Forward(model, tf.constant(x))
            penalty.update_state(tf.constant(labels), forward, None)
            moments[source, name] = sigma.covariance.numpy()
    own = moments["true", "own"]
    np.testing.assert_array_equal(moments["predicted", "wrong"], own)
    np.testing.assert_array_equal(moments["predicted", "own"], own)
    assert np.abs(moments["true", "wrong"] - own).max() > 0.1
