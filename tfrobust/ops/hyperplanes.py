"""Projections onto a hyperplane within a box, per example."""

from __future__ import annotations

import tensorflow as tf

from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import l2_norm
from tfrobust.ops.norms import linf_norm
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import per_example

_MOST_STEPS = 60


def step_to_hyperplane(
    x: tf.Tensor,
    normal: tf.Tensor,
    gap: tf.Tensor,
    order: Norm,
    bounds: tuple[float, float] | None,
) -> tf.Tensor:
    """Return the shortest d with <normal, d> = gap and x + d in the box.

    Every entry moves against the gap by min(t * speed, room), where room is
    its way to the box, and speed 1 for l-inf, |normal| for l2: the optimality
    conditions. What is covered then is concave and piecewise linear in t, so
    Newton's method from t = 0 rises to the solution and ends there. Where
    the box is in the way of any, the entries go as far as they can.

    Args:
        x: points, shape (batch, ...).
        normal: of each example's hyperplane, of `x`'s shape.
        gap: <normal, .> still to be covered, shape (batch,).
        order: norm to be short in: 2 or "inf".
        bounds: the box, or `None`.

    Returns:
        Tensor of `x`'s shape.
    """
    size = flatten(tf.abs(normal))
    way = tf.sign(flatten(normal)) * tf.sign(gap)[:, None]
    room = _room(flatten(x), way, bounds)
    speed = size if order == 2 else tf.ones_like(size)
    wanted = tf.abs(gap)

    def body(t: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        moved = tf.minimum(t[:, None] * speed, room)
        missing = wanted - tf.reduce_sum(size * moved, axis=1)
        free = tf.cast(t[:, None] * speed < room, size.dtype)
        slope = tf.reduce_sum(size * speed * free, axis=1)
        # Rounding may leave a rest for ever; a part in a million is nothing.
        short = missing > 1e-6 * wanted
        short &= tf.math.is_finite(missing)
        step = tf.math.divide_no_nan(missing, slope)
        step = tf.where(short, step, tf.zeros_like(step))
        return t + step, tf.reduce_any(step > 0)

    t, _ = tf.while_loop(
        lambda _, moving: moving,
        body,
        (tf.zeros_like(wanted), tf.constant(True)),
        maximum_iterations=_MOST_STEPS,
    )
    step = way * tf.minimum(t[:, None] * speed, room)
    return tf.reshape(step, tf.shape(x))


def _room(
    x: tf.Tensor, way: tf.Tensor, bounds: tuple[float, float] | None
) -> tf.Tensor:
    """Return how far each entry may go its way, shape (batch, D)."""
    room = tf.fill(tf.shape(x), tf.constant(float("inf"), x.dtype))
    if bounds is not None:
        low, high = bounds
        room = tf.maximum(tf.where(way > 0, high - x, x - low), 0.0)
    return tf.where(way == 0, tf.zeros_like(x), room)


def share_of_second(
    first: tf.Tensor, second: tf.Tensor, order: Norm
) -> tf.Tensor:
    """Return ||first|| / (||first|| + ||second||), shaped to broadcast."""
    length = l2_norm if order == 2 else linf_norm
    a, b = length(first), length(second)
    return per_example(tf.math.divide_no_nan(a, a + b), first)
