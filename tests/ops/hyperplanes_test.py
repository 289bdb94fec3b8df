"""Shortest ways to a hyperplane within a box, against general solvers."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from tfrobust.ops.hyperplanes import step_to_hyperplane


def _problems(count=20, size=7):
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (count, size))
    normal = rng.normal(size=(count, size))
    normal[:, 0] = 0.0
    inside = rng.uniform(0, 1, (count, size))
    # A point of the box lies on the plane, so every plane can be reached.
    gap = ((inside - x) * normal).sum(1)
    return x, normal, gap


def _step(x, normal, gap, order, bounds=(0.0, 1.0)):
    arrays = map(tf.constant, (x, normal, gap))
    return step_to_hyperplane(*arrays, order, bounds).numpy()


def _shortest_linf(x, normal, gap):
    size = len(x)
    result = scipy.optimize.linprog(
        np.r_[np.zeros(size), 1.0],
        A_ub=np.block(
            [
                [np.eye(size), -np.ones((size, 1))],
                [-np.eye(size), -np.ones((size, 1))],
            ]
        ),
        b_ub=np.zeros(2 * size),
        A_eq=np.r_[normal, 0.0][None],
        b_eq=[gap],
        bounds=[(-a, 1 - a) for a in x] + [(0, None)],
    )
    return result.fun


def _shortest_l2(x, normal, gap):
    result = scipy.optimize.minimize(
        lambda d: d @ d,
        np.zeros_like(x),
        jac=lambda d: 2 * d,
        bounds=[(-a, 1 - a) for a in x],
        constraints={
            "type": "eq",
            "fun": lambda d: normal @ d - gap,
            "jac": lambda d: normal,
        },
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return np.sqrt(result.fun)


@pytest.mark.parametrize(
    "order, numpy_order, shortest",
    [("inf", np.inf, _shortest_linf), (2, 2, _shortest_l2)],
)
def test_it_is_the_shortest_step_that_reaches(order, numpy_order, shortest):
    x, normal, gap = _problems()
    d = _step(x, normal, gap, order)
    np.testing.assert_allclose((d * normal).sum(1), gap, rtol=1e-5)
    assert (x + d).min() >= -1e-9 and (x + d).max() <= 1 + 1e-9
    length = np.linalg.norm(d, numpy_order, axis=1)
    expected = [shortest(*row) for row in zip(x, normal, gap, strict=True)]
    np.testing.assert_allclose(length, expected, rtol=1e-5)


@pytest.mark.parametrize("order, dual", [("inf", 1), (2, 2)])
def test_without_a_box_the_length_is_the_gap_over_the_dual_norm(order, dual):
    x, normal, gap = _problems()
    d = _step(x, normal, gap, order, bounds=None)
    primal = {"inf": np.inf, 2: 2}[order]
    np.testing.assert_allclose(
        np.linalg.norm(d, primal, axis=1),
        np.abs(gap) / np.linalg.norm(normal, dual, axis=1),
        rtol=1e-6,
    )


@pytest.mark.parametrize("order", [2, "inf"])
def test_out_of_reach_it_goes_as_far_as_it_can(order):
    x, normal, _ = _problems()
    d = _step(x, normal, np.full(len(x), 1e3), order)
    corner = np.where(normal > 0, 1.0, 0.0)
    moving = normal != 0
    np.testing.assert_allclose((x + d)[moving], corner[moving], atol=1e-6)
    np.testing.assert_array_equal(d[~moving], 0.0)


def test_no_gap_and_no_normal_mean_no_step():
    x, normal, gap = _problems()
    np.testing.assert_array_equal(_step(x, normal, 0 * gap, 2), 0.0)
    np.testing.assert_array_equal(_step(x, 0 * normal, gap, "inf"), 0.0)
