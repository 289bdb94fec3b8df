"""Norms against numpy."""

import numpy as np
import pytest
import tensorflow as tf

from tfrobust.ops import norms

_X = np.random.default_rng(0).normal(size=(4, 3, 2, 5))


@pytest.mark.parametrize("order, ord_", [(1, 1), (2, 2), ("inf", np.inf)])
def test_norm_equals_numpy_over_all_input_axes(order, ord_):
    expected = [np.linalg.norm(x.ravel(), ord_) for x in _X]
    np.testing.assert_allclose(norms.norm(tf.constant(_X), order), expected)


def test_unit_has_norm_one_and_zero_stays_zero():
    x = np.concatenate([_X, np.zeros((1, 3, 2, 5))])
    sizes = norms.l2_norm(norms.unit(tf.constant(x), 2))
    np.testing.assert_allclose(sizes, [1, 1, 1, 1, 0], atol=1e-12)


def test_half_precision_is_summed_in_float32():
    # 4,096 ones: bfloat16 has 8 bits and would stop counting at 256.
    ones = tf.ones((1, 4096), tf.bfloat16)
    assert norms.l1_norm(ones).dtype == tf.float32
    assert float(norms.l1_norm(ones)[0]) == 4096


def test_squared_norm_has_a_gradient_at_zero():
    x = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = norms.squared_l2_norm(x)
    np.testing.assert_array_equal(tape.gradient(value, x), np.zeros((2, 3)))
