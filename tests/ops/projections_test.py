"""Projections: inside stays, outside lands on the sphere, nearest point."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import norms
from tfrobust.ops import projections

_ORDERS = (1, 2, "inf")
_DELTA = np.random.default_rng(1).normal(size=(6, 4, 2))


@pytest.mark.parametrize("order", _ORDERS)
def test_outside_lands_on_the_sphere_and_inside_stays(order):
    delta = tf.constant(_DELTA)
    size = norms.norm(delta, order).numpy()
    radius = float(np.median(size))
    projected = projections.project_ball(delta, order, radius)
    np.testing.assert_allclose(
        norms.norm(projected, order), np.minimum(size, radius), rtol=1e-12
    )
    inside = size <= radius
    np.testing.assert_array_equal(projected.numpy()[inside], _DELTA[inside])


@pytest.mark.parametrize("order", _ORDERS)
def test_projection_is_the_nearest_point(order):
    # Euclidean projection onto a convex set C: <d - p, c - p> <= 0 for every
    # c in C; try many c on the sphere.
    delta = tf.constant(_DELTA)
    p = projections.project_ball(delta, order, 0.5)
    rng = np.random.default_rng(2)
    for _ in range(200):
        c = rng.normal(size=_DELTA.shape)
        c = 0.5 * norms.unit(tf.constant(c), order)
        inner = tf.reduce_sum((delta - p) * (c - p), axis=(1, 2))
        assert inner.numpy().max() <= 1e-12


@pytest.mark.parametrize("order", _ORDERS)
def test_radius_may_differ_by_example(order):
    delta = tf.constant(10 * _DELTA)
    radius = tf.constant(np.linspace(0.0, 1.0, 6))
    projected = projections.project_ball(delta, order, radius)
    np.testing.assert_allclose(norms.norm(projected, order), radius, atol=1e-12)
