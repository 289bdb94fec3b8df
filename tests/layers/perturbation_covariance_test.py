"""Covariances: their averages by hand, their forms, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrobust.layers import CovarianceFunction
from tfrobust.layers import FullCovariance
from tfrobust.ops import spectral

pytestmark = pytest.mark.usefixtures("float64")

_SHAPE = (3, 4, 2)
_FORMS = {"full": FullCovariance, "function": CovarianceFunction}
every_form = pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)


def _perturbations(seed, count=5):
    return np.random.default_rng(seed).normal(size=(count, *_SHAPE))


def _moment(form, xi):
    """Return the batch's mean second moment, from scratch."""
    if form is FullCovariance:
        flat = xi.reshape(len(xi), -1)
        return flat.T @ flat / len(xi)
    return spectral.second_moment(tf.constant(xi)).numpy() / len(xi)


def test_full_and_function_give_the_same_form_for_the_same_kernel():
    kernel = spectral.exponential_kernel(
        _SHAPE, 2.5, np.array([[1.0, 0.3], [0.3, 1.0]])
    )
    g = tf.constant(_perturbations(0))
    function = CovarianceFunction(_SHAPE, value=kernel)
    full = FullCovariance(_SHAPE, value=spectral.dense_covariance(kernel))
    np.testing.assert_allclose(
        function.quadratic_form(g), full.quadratic_form(g), rtol=1e-12
    )


@every_form
def test_the_average_is_eq_14_with_its_bias_corrected(form):
    layer = form(_SHAPE, decay=0.9, mean_variance=None)
    batches = [_perturbations(seed, 3 + seed) for seed in range(3)]
    for xi in batches:
        layer.update_state(tf.constant(xi))
    weights = np.array([0.81, 0.9, 1.0]) / (0.81 + 0.9 + 1.0)
    moments = [_moment(form, xi) for xi in batches]
    expected = np.tensordot(weights, np.array(moments), 1)
    np.testing.assert_allclose(layer.covariance, expected, atol=1e-12)


@every_form
def test_a_constant_perturbation_has_no_variance_about_its_mean(form):
    xi = np.repeat(_perturbations(0, 1), 6, axis=0)
    g = tf.constant(_perturbations(1))
    raw = form(_SHAPE, mean_variance=None)
    centered = form(_SHAPE, centered=True, mean_variance=None)
    for layer in (raw, centered):
        layer.update_state(tf.constant(xi))
        layer.update_state(tf.constant(xi))
    assert (raw.quadratic_form(g).numpy() > 1e-3).all()
    np.testing.assert_allclose(centered.quadratic_form(g), 0, atol=1e-10)


@every_form
def test_standardised_the_mean_variance_is_what_was_asked(form):
    layer = form(_SHAPE, mean_variance=0.25)
    layer.update_state(tf.constant(1e-4 * _perturbations(0)))
    assert float(layer.mean_diagonal(layer.covariance)) == pytest.approx(0.25)


@every_form
def test_before_the_first_update_the_form_is_zero(form):
    g = tf.constant(_perturbations(0))
    np.testing.assert_array_equal(form(_SHAPE).quadratic_form(g), 0)


@every_form
def test_only_every_third_step_counts(form):
    every, third = form(_SHAPE), form(_SHAPE, update_interval=3)
    for step in range(7):
        xi = tf.constant(_perturbations(step))
        third.update_state(xi)
        if step % 3 == 0:
            every.update_state(xi)
    np.testing.assert_array_equal(third.covariance, every.covariance)
    assert int(third.updates) == 3


@every_form
def test_a_fixed_value_is_used_untouched_and_never_moves(form):
    kernel = 3.0 * spectral.exponential_kernel(_SHAPE, 1.5)
    dense = spectral.dense_covariance(kernel)
    layer = form(_SHAPE, value=kernel if form is CovarianceFunction else dense)
    layer.update_state(tf.constant(_perturbations(0)))
    g = _perturbations(1)
    flat = g.reshape(len(g), -1)
    expected = np.einsum("bi,ij,bj->b", flat, dense, flat)
    np.testing.assert_allclose(layer.quadratic_form(tf.constant(g)), expected)


@every_form
def test_no_gradient_flows_into_sigma(form):
    layer = form(_SHAPE)
    layer.update_state(tf.constant(_perturbations(0)))
    with tf.GradientTape() as tape:
        tape.watch(layer.moment.value)
        value = layer.quadratic_form(tf.constant(_perturbations(1)))
    assert tape.gradient(value, layer.moment.value) is None


@every_form
def test_an_example_that_is_not_finite_leaves_no_trace(form):
    layer, without = form(_SHAPE), form(_SHAPE)
    xi = _perturbations(0)
    xi[2] = 0
    without.update_state(tf.constant(xi))
    xi[2, 1, 1, 0] = np.nan
    layer.update_state(tf.constant(xi))
    np.testing.assert_array_equal(layer.covariance, without.covariance)


@every_form
def test_rounding_is_no_covariance(form):
    # One example has no variance about its mean; in float32 a little is
    # left, of either sign, and must not be scaled up.
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    layer = form(_SHAPE, centered=True)
    layer.update_state(tf.constant(_perturbations(0, 1), tf.float32))
    g = tf.constant(_perturbations(1), tf.float32)
    np.testing.assert_array_equal(layer.quadratic_form(g), 0)


@every_form
def test_config_round_trip_keeps_a_fixed_layer_fixed(form):
    kernel = spectral.exponential_kernel(_SHAPE, 1.5)
    dense = spectral.dense_covariance(kernel)
    layer = form(_SHAPE, value=kernel if form is CovarianceFunction else dense)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    again.set_weights(layer.get_weights())
    again.update_state(tf.constant(_perturbations(0)))
    np.testing.assert_array_equal(again.covariance, layer.covariance)


def _indefinite():
    # -delta(0) + two at the neighbours: a negative mean eigenvalue.
    kernel = np.zeros((5, 7, 2, 2))
    kernel[2, 3] = np.eye(2)
    kernel[2, 2] = kernel[2, 4] = np.eye(2)
    return kernel


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: CovarianceFunction(_SHAPE, value=np.ones((3, 3, 2, 2))),
            r"must have shape \(5, 7, 2, 2\).*\(3, 3, 2, 2\)",
        ),
        (
            lambda: FullCovariance(_SHAPE, value=np.eye(4)),
            r"must have shape \(24, 24\).*\(4, 4\)",
        ),
        (
            lambda: FullCovariance((2,), value=[[1.0, 2.0], [2.0, 1.0]]),
            "positive semidefinite.*eigenvalue of -1",
        ),
        (
            lambda: CovarianceFunction(_SHAPE, value=_indefinite()),
            "positive semidefinite",
        ),
        (
            lambda: FullCovariance((2,), value=[[1.0, 0.5], [0.0, 1.0]]),
            "symmetric",
        ),
        (
            lambda: FullCovariance((2,), value=[[np.nan, 0.0], [0.0, 1.0]]),
            "finite",
        ),
        (
            lambda: FullCovariance((224, 224, 3)),
            "150528 pixels takes 84 GiB; use CovarianceFunction",
        ),
        (lambda: CovarianceFunction((9,)), "FullCovariance takes flat"),
        (lambda: CovarianceFunction(_SHAPE, decay=1.0), "`decay`.*1.0"),
        (
            lambda: CovarianceFunction(_SHAPE, mean_variance=0.0),
            "`mean_variance`",
        ),
        (
            lambda: CovarianceFunction(_SHAPE, update_interval=0),
            "`update_interval`",
        ),
        (
            lambda: CovarianceFunction(_SHAPE).quadratic_form(
                tf.ones((2, 8, 8, 2))
            ),
            r"images of \(3, 4, 2\).*\(2, 8, 8, 2\)",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_valid_long_range_kernel_is_taken_although_its_spectrum_dips():
    # On the torus the exponential of a long decay has negative entries; as
    # a covariance of images it is positive definite all the same.
    kernel = spectral.exponential_kernel((6, 6, 1), 30.0)
    spectrum = spectral.kernel_spectrum(tf.constant(kernel)).numpy().real
    assert spectrum.min() < -1e-3
    dense = spectral.dense_covariance(kernel)
    assert np.linalg.eigvalsh(dense).min() > 0
    CovarianceFunction((6, 6, 1), value=kernel)


def test_one_direction_of_three_hundred_is_found_negative():
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(rng.normal(size=(300, 300)))[0]
    values = np.array([*np.logspace(-2, 4, 299), -1.0])
    with pytest.raises(ValueError, match="positive semidefinite.*-1 or less"):
        FullCovariance((300,), value=(basis * values) @ basis.T)
