"""The ball: projection, steepest ascent, starts, containment, errors."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops.norms import norm
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall

_ORDERS = (1, 2, "inf")
_DUAL = {1: "inf", 2: 2, "inf": 1}


@pytest.mark.parametrize("order", _ORDERS)
def test_steepest_ascent_gains_the_dual_norm(order):
    gradient = tf.constant(np.random.default_rng(0).normal(size=(5, 4, 3)))
    ball = NormBall(order, epsilon=1.0)
    direction = ball.steepest_ascent(gradient)
    gain = tf.reduce_sum(gradient * direction, axis=(1, 2))
    np.testing.assert_allclose(gain, norm(gradient, _DUAL[order]))
    np.testing.assert_allclose(norm(direction, order), np.ones(5))


@pytest.mark.parametrize("order", _ORDERS)
def test_projection_ends_in_ball_and_box(order):
    rng = np.random.default_rng(1)
    x = tf.constant(rng.uniform(size=(50, 6)))
    ball = NormBall(order, epsilon=0.3)
    projected = ball.project(x + rng.normal(size=(50, 6)), x)
    assert ball.contains(projected, x, tolerance=1e-12).numpy().all()
    # The 1e-6 of `contains` is not what makes it true: half the slack more
    # than the radius is outside.
    outside = x + 2 * (projected - x) + 0.1
    assert not ball.contains(outside, x).numpy().all()


@pytest.mark.parametrize("order", _ORDERS)
def test_random_start_is_inside(order):
    x = tf.constant(np.random.default_rng(1).uniform(size=(50, 6)))
    ball = NormBall(order, epsilon=0.2)
    start = ball.random_start(x, ExampleNoise(0, tf.range(50)))
    assert ball.contains(start, x, tolerance=1e-12).numpy().all()
    assert float(tf.reduce_max(tf.abs(start - x))) > 0.05


def test_contains_looks_at_ball_and_box():
    ball = NormBall("inf", epsilon=0.1)
    x = tf.constant([[0.5], [0.5], [0.95]])
    x_adv = tf.constant([[0.6], [0.61], [1.01]])
    np.testing.assert_array_equal(ball.contains(x_adv, x), [True, False, False])


def test_no_box_does_not_clip():
    ball = NormBall("inf", epsilon=0.5, bounds=None)
    moved = ball.project(tf.constant([[2.0]]), tf.constant([[0.9]]))
    assert float(moved[0, 0]) == pytest.approx(1.4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"epsilon": -0.1}, "non-negative.*epsilon=-0.1"),
        ({"epsilon": float("nan")}, "non-negative.*nan"),
        ({"epsilon": "a lot"}, "non-negative.*'a lot'"),
        ({"epsilon": 1.0, "norm": 3}, "one of 1, 2, inf.*norm=3"),
        ({"epsilon": 1.0, "bounds": (1, 0)}, "low < high"),
        ({"epsilon": 1.0, "bounds": ("0", 1)}, r"low < high.*\('0', 1\)"),
        ({"epsilon": 1.0, "bounds": ([0], [1])}, "low < high"),
        ({"epsilon": 1.0, "bounds": (None, 1)}, "low < high"),
        ({"epsilon": 8.0}, "at most 1, the width.*8 / 255.*epsilon=8"),
    ],
)
def test_bad_arguments_say_what_came(arguments, message):
    with pytest.raises(ValueError, match=message):
        NormBall(**arguments)
