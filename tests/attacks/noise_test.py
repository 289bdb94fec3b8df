"""Correlated noise: how long, and how alike its neighbours are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks.base import predict_logits
from tfrobust.objectives import margin
from tfrobust.ops import spectral
from tfrobust.ops.hashing import HashedNoise
from tfrobust.serialization import describe
from tfrobust.threat_model import NormBall


@pytest.mark.parametrize("norm", [2, "inf"])
def test_a_draw_lies_on_the_sphere(norm):
    ball = NormBall(norm, epsilon=0.2)
    x = tf.fill((9, 8, 8, 2), 0.5)
    noise = HashedNoise(0, tf.range(9))
    points = attacks.CorrelatedNoise(ball).draw(ball, x, noise)
    np.testing.assert_allclose(
        ball.perturbation_norm(points, x), 0.2, rtol=1e-5
    )


@pytest.mark.parametrize("decay_length", [0.5, 2.0])
def test_neighbours_are_as_alike_as_the_decay_length_says(decay_length):
    ball = NormBall(2, epsilon=0.2)
    x = tf.fill((600, 16, 16, 1), 0.5)
    noise = HashedNoise(0, tf.range(600))
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
        noise = HashedNoise(0, tf.range(12), draw)
        points = attack.draw(ball, tf.constant(x), noise)
        values.append(_margin(model, points.numpy(), y))
    worst = _margin(model, result.x_adv, y)
    assert standing.sum() > 6
    np.testing.assert_allclose(
        worst[standing], np.max(values, 0)[standing], atol=1e-6
    )


def test_noise_of_any_covariance():
    white = np.zeros((7, 7, 1, 1))
    white[3, 3] = 1.0
    same = np.ones((7, 7, 1, 1))  # all pixels alike
    ball = NormBall("inf", epsilon=0.2)
    grey = tf.fill((50, 4, 4, 1), 0.5)
    moved = {}
    for name, kernel in (("white", white), ("same", same)):
        covariance = attacks.StationaryCovariance(kernel)
        attack = attacks.CorrelatedNoise(ball, covariance=covariance)
        noise = HashedNoise(0, tf.range(50))
        moved[name] = (attack.draw(ball, grey, noise) - grey).numpy()
    np.testing.assert_allclose(np.abs(moved["same"]), 0.2, atol=1e-6)
    # Of 16 independent pixels few but the largest are near the radius.
    assert np.mean(np.abs(moved["white"]) > 0.19) < 0.15


def test_channels_are_as_alike_as_their_correlation_says():
    ball = NormBall(2, epsilon=0.2)
    grey = tf.fill((800, 6, 6, 2), 0.5)
    for rho in (0.0, 0.7):
        attack = attacks.CorrelatedNoise(
            ball, decay_length=0.5, channel_correlation=[[1, rho], [rho, 1]]
        )
        moved = attack.draw(ball, grey, HashedNoise(0, tf.range(800))) - grey
        one, other = moved.numpy().reshape(-1, 2).T
        assert np.corrcoef(one, other)[0, 1] == pytest.approx(rho, abs=0.03)


def test_a_covariance_is_a_setting_like_any_other():
    kernel = spectral.exponential_kernel((4, 4, 1), 2.0)
    made = [attacks.StationaryCovariance(k) for k in (kernel, kernel.tolist())]
    ball = NormBall("inf", epsilon=0.1)
    one, other = (attacks.CorrelatedNoise(ball, covariance=c) for c in made)
    assert one == other and hash(one) == hash(other)
    third = attacks.StationaryCovariance(2.0 * kernel)
    assert third != made[0]
    # Saved whole, and shown short.
    saved = keras.saving.serialize_keras_object(one)
    assert keras.saving.deserialize_keras_object(saved) == one
    rho = attacks.CorrelatedNoise(ball, channel_correlation=np.eye(2))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(rho)
    )
    assert again == rho and again.channel_correlation == ((1, 0), (0, 1))
    shown = describe(one)["covariance"]
    assert shown["image_shape"] == [4, 4, 1] and len(str(shown)) < 120
    assert "decay_length" not in describe(one)
    with pytest.raises(ValueError, match="read-only"):
        made[0].kernel[0, 0] = 1.0
    # Noise has a radius, so a covariance' scale is nothing to it.
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 10)
    shape = x.shape[1:]
    kernel = spectral.exponential_kernel(shape, 2.0)
    results = [
        attacks.CorrelatedNoise(
            ball, covariance=attacks.StationaryCovariance(scale * kernel)
        )(model, x, y)
        for scale in (1.0, 2.0**300)
    ]
    np.testing.assert_array_equal(results[0].x_adv, results[1].x_adv)


@pytest.mark.parametrize(
    "kernel, message",
    [
        (np.ones((4, 5, 1, 1)), "must have shape"),
        (np.ones((5, 5, 1, 2)), "must have shape"),
        (np.ones((5, 5)), "must have shape"),
        (np.zeros((5, 5, 1, 1)), "not zero.*entry of 0"),
        (np.full((5, 5, 1, 1), np.nan), "must be finite"),
        (np.full((5, 5, 1, 1), np.inf), "must be finite"),
        (np.arange(25.0).reshape(5, 5, 1, 1), "finite and symmetric"),
        (-np.ones((5, 5, 1, 1)), "positive semidefinite"),
        (np.ones((199, 199, 1, 1)), "up to 4096 numbers"),
    ],
)
def test_what_is_no_covariance_function_is_refused(kernel, message):
    with pytest.raises(ValueError, match=message):
        attacks.StationaryCovariance(kernel)


def test_noise_that_does_not_fit_the_images_is_refused():
    kernel = spectral.exponential_kernel((4, 4, 1), 2.0)
    ball = NormBall("inf", epsilon=0.1)
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 3)
    made = attacks.StationaryCovariance(kernel)
    for settings, message in (
        ({"covariance": made}, "is for images"),
        ({"channel_correlation": np.eye(9)}, "of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            attacks.CorrelatedNoise(ball, **settings)(model, x, y)
    both = {"covariance": made, "channel_correlation": [[1.0]]}
    for settings, message in (
        (both, "not both"),
        ({"covariance": kernel}, "must be a StationaryCovariance"),
        ({"channel_correlation": [[1, 3], [3, 1]]}, "positive semidefinite"),
        ({"channel_correlation": 0.5}, "`channel_correlation` must"),
    ):
        with pytest.raises(ValueError, match=message):
            attacks.CorrelatedNoise(ball, **settings)


def _margin(model, x, y):
    logits = tf.constant(predict_logits(model, x))
    return margin(tf.constant(y), logits).numpy()
