"""TRADES: its terms, and gradients through both branches."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tests.penalties.gradients_test import directional_derivatives
from tfrobust import defenses
from tfrobust.objectives import cross_entropy

pytestmark = pytest.mark.usefixtures("float64")


def _terms(model, x, y, x_adv):
    terms, _ = model.compute_robust_loss(y, model.forward(x), x_adv)
    return terms


def _setting():
    model = defenses.TRADES(networks.tiny_cnn(), epsilon=0.1, beta=3.0)
    model.compile("sgd", networks.sparse_loss())
    x, y = networks.batch(model.classifier, 5)
    other = np.clip(x + 0.3 * np.sign(x - 0.5), 0, 1)
    return model, tf.constant(x), tf.constant(y), tf.constant(other)


def test_terms_are_cross_entropy_and_beta_times_kl_from_clean_to_adversarial():
    model, x, y, x_adv = _setting()
    terms = _terms(model, x, y, x_adv)
    p, q = (tf.nn.softmax(model.classifier(v)).numpy() for v in (x, x_adv))
    expected = 3.0 * (p * np.log(p / q)).sum(1)
    np.testing.assert_allclose(terms["kl_divergence"], expected, rtol=1e-9)
    backwards = 3.0 * (q * np.log(q / p)).sum(1)
    assert np.abs(backwards / expected - 1).min() > 1e-3
    np.testing.assert_allclose(
        terms["classification_loss"], cross_entropy(y, model.classifier(x))
    )


def test_gradients_flow_through_both_branches():
    model, x, y, x_adv = _setting()

    def value():
        terms = _terms(model, x, y, x_adv)
        return tf.reduce_sum(terms["kl_divergence"])

    autodiff, difference = directional_derivatives(model.classifier, value)
    assert autodiff == pytest.approx(difference, rel=1e-6)
