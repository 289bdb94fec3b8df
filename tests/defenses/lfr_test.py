"""Local flatness: its theorem and its oracle on linear models."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust.objectives import cross_entropy
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import l1_norm
from tfrobust.ops.sampling import ExampleNoise

pytestmark = pytest.mark.usefixtures("float64")


def _gradient_l1(model, x, y):
    forward = Forward(model, tf.constant(x))
    return l1_norm(forward.gradient(cross_entropy, y)).numpy()


def test_theorem_1_along_segments():
    # L(x') <= L(x) + eps * max ||dL||_1 on the segment from x to x'.
    model = networks.tiny_cnn(activation="softplus")
    x, y = networks.labelled(model, 20)
    epsilon = 0.2
    rng = np.random.default_rng(0)
    x_adv = np.clip(x + rng.choice([-epsilon, epsilon], x.shape), 0, 1)
    grid = [x + t * (x_adv - x) for t in np.linspace(0, 1, 51)]
    largest = np.max([_gradient_l1(model, p, y) for p in grid], axis=0)
    gain = cross_entropy(y, model(x_adv)) - cross_entropy(y, model(x))
    assert (gain.numpy() <= epsilon * largest + 1e-12).all()


def test_the_maximiser_on_a_linear_softmax_is_the_fgsm_corner():
    # Two classes: grad = (1 - p_y) (w_j - w_y); 1 - p_y grows along
    # sign(w_j - w_y), so gamma = (1 - p_y(corner)) ||w_y - w_j||_1.
    weights = np.random.default_rng(1).normal(size=(6, 2))
    classifier = networks.linear(weights)
    model = defenses.LFR(classifier, epsilon=0.1, num_steps=40)
    x, y = networks.labelled(classifier, 5, low=0.3, high=0.7)
    noise = ExampleNoise(0, tf.range(5))
    found = model.perturb(tf.constant(x), tf.constant(y), noise)
    difference = (weights[:, 1] - weights[:, 0]) * np.where(y, -1, 1)[:, None]
    corner = x + 0.1 * np.sign(difference)
    np.testing.assert_allclose(found, corner, atol=1e-12)
    z = corner @ weights
    rows = np.arange(5)
    wrong = 1 / (1 + np.exp(z[rows, y] - z[rows, 1 - y]))
    gamma = wrong * np.abs(difference).sum(1)
    np.testing.assert_allclose(_gradient_l1(classifier, corner, y), gamma)


def test_the_flatness_term_is_weight_times_the_norm_at_the_point():
    classifier = networks.tiny_cnn()
    model = defenses.LFR(classifier, epsilon=0.1, weight=0.3)
    model.compile("sgd", networks.sparse_loss())
    x, y = networks.batch(classifier, 4)
    other = tf.constant(np.clip(x + 0.05, 0, 1))
    forward = model.forward(tf.constant(x))
    terms, logits = model.compute_robust_loss(tf.constant(y), forward, other)
    np.testing.assert_allclose(
        terms["flatness"], 0.3 * _gradient_l1(classifier, other, y)
    )
    np.testing.assert_allclose(
        terms["classification_loss"], cross_entropy(y, classifier(x))
    )
    np.testing.assert_allclose(logits, classifier(x))


def test_the_inner_steps_climb_the_gradient_norm():
    # At a wrong prediction that is already certain, cross-entropy rises on
    # while its gradient's norm does not: two objectives, two points.
    classifier = networks.tiny_cnn(activation="softplus")
    x, y = networks.batch(classifier, 12)
    x, y = tf.constant(x), tf.constant(y)
    noise = ExampleNoise(0, tf.range(12))
    arguments = {"epsilon": 0.2, "num_steps": 20}
    flat = defenses.LFR(classifier, **arguments)
    loss = defenses.LFR(classifier, inner_objective=CrossEntropy(), **arguments)
    by_norm = _gradient_l1(classifier, flat.perturb(x, y, noise), y)
    by_loss = _gradient_l1(classifier, loss.perturb(x, y, noise), y)
    assert by_norm.sum() > by_loss.sum() * 1.001
    assert (by_norm >= _gradient_l1(classifier, x, y)).all()
