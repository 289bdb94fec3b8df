"""APGD against the paper's algorithm written out in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust import objectives
from tfrobust.attacks.apgd import checkpoints
from tfrobust.attacks.apgd import Halving
from tfrobust.attacks.apgd import rival_pairs
from tfrobust.attacks.ascent import maximize
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall

_EPSILON, _STEPS = 0.4, 30


def _value(x, a, b):
    """A bumpy function of each row, with its gradient."""
    phase = 9.0 * x * a + b
    value = np.sin(phase).sum(1) - 3.0 * ((x - 0.4) ** 2 * a).sum(1)
    gradient = 9.0 * a * np.cos(phase) - 6.0 * (x - 0.4) * a
    return value, gradient


def _published(x, start, a, b):
    """Algorithm 1 of the paper for one example, l-infinity; last iterate."""

    def project(z):
        return np.clip(np.clip(z, x - _EPSILON, x + _EPSILON), 0, 1)

    size, point, before = 2 * _EPSILON, start, start
    value, gradient = _value(point[None], a, b)
    best, best_value, best_gradient = point, value[0], gradient[0]
    last, direction = value[0], gradient[0]
    rises, halved, best_at_check, since = 0, True, value[0], 0
    halvings = 0
    for step in range(_STEPS):
        z = project(point + size * np.sign(direction))
        if step > 0:
            z = project(point + 0.75 * (z - point) + 0.25 * (point - before))
        before, point = point, z
        value, gradient = _value(point[None], a, b)
        direction = gradient[0]
        rises += value[0] > last
        last = value[0]
        if value[0] > best_value:
            best, best_value, best_gradient = point, value[0], direction
        since += 1
        if step + 1 in checkpoints(_STEPS) and step + 1 < _STEPS:
            flat = not halved and best_at_check >= best_value
            halved = rises <= 0.75 * since or flat
            if halved:
                size, point, direction = size / 2, best, best_gradient
                halvings += 1
            rises, since, best_at_check = 0, 0, best_value
    return point, halvings


def test_the_steps_are_those_of_the_paper(float64):
    del float64
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.8, (20, 6))
    start = np.clip(x + _EPSILON * rng.choice([-1, 1], x.shape), 0, 1)
    a, b = rng.uniform(0.2, 1, 6), rng.uniform(0, 6, 6)

    def score(points):
        phase = 9.0 * points * a + b
        values = tf.reduce_sum(tf.sin(phase), 1)
        values -= 3.0 * tf.reduce_sum((points - 0.4) ** 2 * a, 1)
        return values, tf.zeros((20, 2), tf.float64)

    found = maximize(
        score,
        tf.constant(x),
        ball=NormBall("inf", epsilon=_EPSILON),
        start=tf.constant(start),
        step_size=2 * _EPSILON,
        num_steps=_STEPS,
        rule=Halving(_STEPS),
    )
    rows = [_published(x[i], start[i], a, b) for i in range(20)]
    np.testing.assert_allclose(found, [p for p, _ in rows], atol=1e-9)
    # The examples differ in when and how often they halve.
    assert len({count for _, count in rows}) > 1


def test_a_start_lies_on_the_sphere():
    x = tf.fill((5, 4, 4, 1), 0.5)
    noise = ExampleNoise(0, tf.range(5))
    for norm in (2, "inf"):
        ball = NormBall(norm, epsilon=0.3)
        points = attacks.SphereStart()(ball, x, noise)
        size = ball.perturbation_norm(points, x)
        np.testing.assert_allclose(size, 0.3, rtol=1e-5)


def test_towards_a_rival_any_wrong_class_is_a_success():
    model = networks.tiny_cnn(activation="relu", num_classes=5)
    x, y = networks.labelled(model, 40)
    ball = NormBall("inf", epsilon=0.02)
    one = attacks.TargetedAPGD(ball, num_steps=10, num_targets=1)(model, x, y)
    many = attacks.TargetedAPGD(ball, num_steps=10, num_targets=4)(model, x, y)
    np.testing.assert_array_equal(one.success, one.predictions != y)
    assert 0 < one.success.sum() < 40
    assert (many.success >= one.success).all()


def test_rivals_come_by_their_clean_logits():
    model = networks.tiny_cnn(num_classes=5)
    x, y = networks.labelled(model, 10)
    pairs = rival_pairs(model, tf.constant(x), tf.constant(y), 9)
    order = np.argsort(-model(x).numpy(), axis=1)
    assert len(pairs) == 4
    for rank, pair in enumerate(pairs, 1):
        np.testing.assert_array_equal(pair[:, 0], y)
        np.testing.assert_array_equal(pair[:, 1], order[:, rank])


def test_a_targeted_ascent_needs_an_objective_of_pairs():
    ball = NormBall("inf", epsilon=0.1)
    with pytest.raises(ValueError, match="pairs .y, target.*CrossEntropy"):
        attacks.TargetedAPGD(ball, objective=objectives.CrossEntropy())
