"""Square's schedule and moves."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks import square
from tfrobust.objectives import margin
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.2)


def test_the_side_falls_on_the_schedule():
    sides = square._sides((28, 28, 1), 9000, 0.8)
    at = [1, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001]
    expected = [
        max(round(np.sqrt(0.8 / 2**k * 784)), 1) for k in range(len(at))
    ]
    assert [int(sides[q, 0]) for q in at] == expected
    before = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    assert [int(sides[q, 0]) for q in before] == expected[:-1]
    assert (sides[:, 0] == sides[:, 1]).all()
    assert (square._sides((30,), 60, 0.8)[[1, 11]] == [[1, 24], [1, 12]]).all()


def test_a_query_sets_one_square_of_one_sign_per_channel():
    x = tf.zeros((50, 6, 7, 2))
    draws = tf.random.stateless_uniform((50, 4), (0, 1))
    signs = square._square(x, draws, tf.constant([3, 2]), False).numpy()
    for image in signs:
        rows, columns = np.nonzero(image[..., 0])
        assert np.ptp(rows) == 2 and np.ptp(columns) == 1
        assert len(rows) == 6
        for channel in range(2):
            assert abs(image[..., channel].sum()) == 6


@pytest.mark.parametrize("reaches_edge", [False, True])
def test_where_squares_lie(reaches_edge):
    x = tf.zeros((2000, 5, 5, 1))
    draws = tf.random.stateless_uniform((2000, 3), (0, 1))
    side = tf.constant([2, 2])
    signs = square._square(x, draws, side, reaches_edge).numpy()
    reached = np.abs(signs[..., 0]).sum(0) > 0
    assert reached[:4, :4].all()
    assert reached[4].any() == reaches_edge
    assert reached[:, 4].any() == reaches_edge


def test_every_point_lies_at_a_corner_of_ball_and_box():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 10)
    result = attacks.Square(_BALL, num_queries=30)(model, x, y)
    moved = np.abs(result.x_adv - x)
    at_box = (result.x_adv == 0) | (result.x_adv == 1)
    attacked = result.clean_predictions == y
    assert (np.isclose(moved, 0.2, atol=1e-6) | at_box)[attacked].all()


def test_more_queries_never_lower_a_margin():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 20)
    margins = []
    for num_queries in (2, 20, 60):
        attack = attacks.Square(
            NormBall("inf", epsilon=0.02), num_queries=num_queries
        )
        points = attack(model, x, y).x_adv
        margins.append(margin(tf.constant(y), model(points)).numpy())
    assert (np.diff(margins, axis=0) >= -1e-6).all()
    standing = margins[0] < 0
    assert (margins[2] > margins[0])[standing].mean() > 0.8


def test_it_sees_through_vanished_gradients():
    # Logits times 1e6: cross-entropy has no gradient left.
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 30)
    plain = attacks.Square(_BALL, num_queries=200)(model, x, y)
    head = model.layers[-1]
    head.set_weights([1e6 * w for w in head.get_weights()])
    masked = attacks.Square(_BALL, num_queries=200)(model, x, y)
    np.testing.assert_array_equal(plain.robust, masked.robust)
    assert plain.robust_accuracy < 1.0
