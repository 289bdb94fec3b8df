"""Square's schedule and moves."""

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks import square_l2
from tfrobust.attacks import square_linf
from tfrobust.attacks.square_windows import Search
from tfrobust.objectives import margin
from tfrobust.ops.hashing import hashed_uniform
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.2)


def test_the_side_falls_on_the_schedule():
    sides = square_linf.sides((28, 28, 1), 9000, 0.8)
    at = [1, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001]
    expected = [
        max(round(np.sqrt(0.8 / 2**k * 784)), 1) for k in range(len(at))
    ]
    assert [int(sides[q, 0]) for q in at] == expected
    before = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    assert [int(sides[q, 0]) for q in before] == expected[:-1]
    assert (sides[:, 0] == sides[:, 1]).all()
    assert (
        square_linf.sides((30,), 60, 0.8)[[1, 11]] == [[1, 24], [1, 12]]
    ).all()


def test_a_query_sets_one_square_of_one_sign_per_channel():
    x = tf.zeros((50, 6, 7, 2))
    draws = tf.random.stateless_uniform((50, 4), (0, 1))
    signs = square_linf.square(x, draws, tf.constant([3, 2]), False).numpy()
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
    signs = square_linf.square(x, draws, side, reaches_edge).numpy()
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


def test_bumps_are_the_authors():
    # Rectangles of height 1, 1/4, ... over each other, by hand.
    up = np.array([[0.25, 1.25, 0.25]])
    down = np.array([[0.25, 0.25, 0.25], [0.25, 1.25, 0.25]])
    both = np.concatenate(
        [up / np.linalg.norm(up), -down / np.linalg.norm(down)]
    )
    expected = both / np.sqrt(2)
    np.testing.assert_allclose(square_l2.bump(3), expected, rtol=1e-6)
    assert np.linalg.norm(square_l2.bump(9)) == pytest.approx(1.0)


def test_windows_have_odd_sides_that_fit():
    pixels = 0.8 * 784 / 2.0 ** np.arange(9)
    sides = square_l2.odd_sides(pixels, 28)
    assert sides.tolist() == [25, 19, 13, 9, 7, 5, 3, 3, 3]
    assert square_l2.odd_sides(np.array([64.0]), 8).tolist() == [7]


def _moved_by_hand(x_adv, x, epsilon, side, draws):
    """Return one image after algorithm 3's move, by slices."""
    height, width, channels = x.shape
    top, left, top2, left2 = (
        int(draw * max(size - side, 1))
        for draw, size in zip(draws[:4], (height, width) * 2, strict=True)
    )
    bump = square_l2.bump(side) if draws[4] >= 0.5 else square_l2.bump(side).T
    delta = (x_adv - x).astype("float64")
    total = np.sum(delta**2)
    either = np.zeros((height, width, 1))
    either[top : top + side, left : left + side] = 1
    either[top2 : top2 + side, left2 : left2 + side] = 1
    new = np.zeros((side, side, channels))
    for c in range(channels):
        old = delta[top : top + side, left : left + side, c]
        sign = -1 if draws[5 + c] < 0.5 else 1
        mixed = sign * bump + old / (1e-12 + np.linalg.norm(old))
        strength = np.sum((delta * either)[..., c] ** 2)
        strength += max(epsilon**2 - total, 0) / channels
        new[..., c] = mixed / np.linalg.norm(mixed) * np.sqrt(strength)
    delta[top2 : top2 + side, left2 : left2 + side] = 0
    delta[top : top + side, left : left + side] = new
    delta *= epsilon / np.linalg.norm(delta)
    return np.clip(x + delta, 0, 1)


def test_a_move_in_l2_is_algorithm_three():
    shape, epsilon, query = (9, 12, 2), 1.5, 60
    x = tf.random.stateless_uniform((4, *shape), (1, 2))
    moves = square_l2.L2Moves(shape, 100, 0.8, False)
    ball = NormBall(2, epsilon=tf.constant(epsilon))
    ids = tf.range(4, dtype=tf.int64)
    search = Search(x, ids, tf.constant(3), ball)
    x_adv = moves.first(search)
    found = moves.later(search, x_adv, tf.constant(query))
    draws = hashed_uniform(3, ids, tf.constant(query), 7).numpy()
    for row in range(4):
        expected = _moved_by_hand(
            x_adv[row].numpy(), x[row].numpy(), epsilon, 5, draws[row]
        )
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_the_first_point_in_l2_covers_the_image_on_the_sphere():
    x = tf.fill((3, 10, 10, 1), 0.5)
    moves = square_l2.L2Moves((10, 10, 1), 10, 0.8, False)
    ball = NormBall(2, epsilon=tf.constant(0.7))
    ids = tf.range(3, dtype=tf.int64)
    delta = moves.first(Search(x, ids, tf.constant(0), ball)) - x
    np.testing.assert_allclose(
        np.linalg.norm(delta.numpy().reshape(3, -1), axis=1), 0.7, rtol=1e-5
    )
    assert (delta.numpy() != 0).all()
    # Tiles of one strength; signs of their own in each image.
    tiles = np.abs(delta.numpy()).reshape(3, 5, 2, 5, 2).sum((2, 4))
    np.testing.assert_allclose(tiles, tiles[0, 0, 0], rtol=1e-5)
    assert (delta[0].numpy() != delta[1].numpy()).any()


def test_l2_refuses_what_is_no_image():
    model = networks.tiny_dense(7, 3)
    x, y = networks.labelled(model, 3)
    with pytest.raises(ValueError, match="at least 5 x 5 pixels.*7"):
        attacks.Square(NormBall(2, epsilon=0.5))(model, x, y)
    with pytest.raises(ValueError, match="norm 2 or inf"):
        attacks.Square(NormBall(1, epsilon=0.5))


def test_a_first_point_without_logits_is_not_kept():
    inner = networks.tiny_cnn(activation="relu")
    x, _ = networks.labelled(inner, 10)
    x = np.round(x * 16) / 16
    y = inner(x).numpy().argmax(1)

    def off_the_grid(x, training=False):
        off = tf.abs(16 * x - tf.round(16 * x)) > 1e-3
        broken = tf.reduce_any(off, axis=(1, 2, 3))
        logits = inner(x, training=training)
        return tf.where(broken[:, None], np.nan, logits)

    ball = NormBall("inf", epsilon=0.03)
    result = attacks.Square(ball, num_queries=10)(off_the_grid, x, y)
    np.testing.assert_array_equal(result.x_adv, x)
