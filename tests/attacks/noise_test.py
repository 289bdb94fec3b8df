"""Correlated noise: how long, and how alike its neighbours are."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks.base import predict_logits
from tfrobust.objectives import margin
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall


@pytest.mark.parametrize("norm", [2, "inf"])
def test_a_draw_lies_on_the_sphere(norm):
    ball = NormBall(norm, epsilon=0.2)
    x = tf.fill((9, 8, 8, 2), 0.5)
    noise = ExampleNoise(0, tf.range(9))
    points = attacks.CorrelatedNoise(ball).draw(ball, x, noise)
    np.testing.assert_allclose(
        ball.perturbation_norm(points, x), 0.2, rtol=1e-5
    )


@pytest.mark.parametrize("decay_length", [0.5, 2.0])
def test_neighbours_are_as_alike_as_the_decay_length_says(decay_length):
    ball = NormBall(2, epsilon=0.2)
    x = tf.fill((600, 16, 16, 1), 0.5)
    noise = ExampleNoise(0, tf.range(600))
    attack = attacks.CorrelatedNoise(ball, decay_length=decay_length)
    field = (attack.draw(ball, x, noise) - x).numpy()[..., 0]
    for steps in (1, 3):
        alike = np.mean(field[:, steps:] * field[:, :-steps])
        expected = np.exp(-steps / decay_length)
        assert abs(alike / np.mean(field**2) - expected) < 0.02


def test_more_draws_are_worse():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 30)
    ball = NormBall(2, epsilon=1.0)
    few, many = (
        attacks.CorrelatedNoise(ball, num_draws=n)(model, x, y) for n in (1, 20)
    )
    assert (many.success >= few.success).all()
    assert many.success.sum() > few.success.sum()


def test_the_point_kept_is_the_worst_of_the_draws_drawn_alone():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 12)
    ball = NormBall("inf", epsilon=0.02)
    attack = attacks.UniformNoise(ball, num_draws=7)
    result = attack(model, x, y)
    standing = result.robust
    values = []
    for draw in range(7):
        block, place = divmod(draw, 5)
        noise = ExampleNoise(0, tf.range(12), block, copies=place + 1)
        copies = tf.tile(tf.constant(x), (place + 1, 1, 1, 1))
        points = attack.draw(ball, copies, noise)[-12:]
        values.append(_margin(model, points.numpy(), y))
    worst = _margin(model, result.x_adv, y)
    assert standing.sum() > 6
    np.testing.assert_allclose(
        worst[standing], np.max(values, 0)[standing], atol=1e-6
    )


def _margin(model, x, y):
    logits = tf.constant(predict_logits(model, x))
    return margin(tf.constant(y), logits).numpy()
