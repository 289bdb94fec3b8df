"""Lines of attacks against closed forms and central differences."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust.analysis.curvature_path import curvature_along
from tfrobust.attacks import BIM
from tfrobust.attacks import PGD
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Targeted
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.2)


def _linear(float_type="float64"):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 4))
    model = networks.linear(kernel)
    x = rng.uniform(0.3, 0.7, (5, 6)).astype(float_type)
    return model, kernel, x, np.asarray(model(x)).argmax(1)


def _softmax(z):
    p = np.exp(z - z.max())
    return p / p.sum()


def _rival(z, label):
    others = z.copy()
    others[label] = -np.inf
    return others.argmax()


def test_a_linear_softmax_has_its_closed_form(float64):
    del float64
    model, kernel, x, y = _linear()
    attack = PGD(_BALL, num_steps=3)
    record = curvature_along(model, x, y, attack, num_points=4)
    x_adv = attack(model, x, y).x_adv
    assert record.examples == (0, 1, 2, 3, 4)
    assert record.places == pytest.approx((0, 1 / 3, 2 / 3, 1))
    for row in range(5):
        label, delta = y[row], x_adv[row] - x[row]
        u = delta / np.linalg.norm(delta)
        assert record.lengths[row] == pytest.approx(np.linalg.norm(delta))
        for column, t in enumerate(record.places):
            z = (x[row] + t * delta) @ kernel
            p = _softmax(z)
            hessian = kernel @ (np.diag(p) - np.outer(p, p)) @ kernel.T
            expected = {
                "loss": -np.log(p[label]),
                "decision": z[label] - z[_rival(z, label)],
                "slope": u @ kernel @ (p - np.eye(4)[label]),
                "curvature": u @ hessian @ u,
            }
            for field, value in expected.items():
                found = getattr(record, field)[row][column]
                assert found == pytest.approx(value, abs=1e-9), field


def test_derivatives_are_central_differences_of_the_loss(float64):
    del float64
    model = networks.tiny_cnn(channels=2)
    x, y = networks.labelled(model, 4)
    attack = BIM(_BALL, num_steps=3)
    record = curvature_along(model, x, y, attack, num_points=3)
    x_adv = attack(model, x, y).x_adv
    delta = (x_adv - x).reshape(4, -1)
    u = (delta / np.linalg.norm(delta, axis=1, keepdims=True)).reshape(x.shape)

    def loss(points):
        logits = model(tf.constant(points))
        return CrossEntropy().values(tf.constant(y), logits).numpy()

    step = 1e-4
    for column, t in enumerate((0.0, 0.5, 1.0)):
        at = x + t * (x_adv - x)
        low, own, high = (loss(at + k * step * u) for k in (-1, 0, 1))
        slope = (high - low) / (2 * step)
        bend = (high - 2 * own + low) / step**2
        columns = np.array([record.loss, record.slope, record.curvature])
        found = columns[:, :, column]
        np.testing.assert_allclose(found[0], own, atol=1e-12)
        np.testing.assert_allclose(found[1], slope, atol=1e-7)
        np.testing.assert_allclose(found[2], bend, atol=1e-6)
        assert np.abs(bend).max() > 1e-3


def test_only_images_that_are_right_and_move_have_a_line():
    model, _, x, y = _linear("float32")
    wrong = y.copy()
    wrong[[0, 3]] = (y[[0, 3]] + 1) % 4
    attack = BIM(_BALL, num_steps=4)
    record = curvature_along(model, x, wrong, attack)
    assert record.num_examples == 5
    assert record.examples == (1, 2, 4)
    assert record.labels == tuple(y[[1, 2, 4]].tolist())
    decision = np.array(record.decision)
    assert (decision[:, 0] > 0).all()
    # The end of the line is the attack's point and no neighbour of it.
    robust = attack(model, x, wrong).robust[[1, 2, 4]]
    assert ((decision[:, -1] > 0) == robust).all()
    # This one moves images that are wrong at first, too.
    last = dataclasses.replace(attack, keep_best=False)
    assert (last(model, x, wrong).x_adv != x).any(axis=1).all()
    record = curvature_along(model, x, wrong, last)
    assert record.examples == (1, 2, 4)


def test_without_a_line_there_is_no_record():
    model = networks.linear(np.zeros((3, 2)), np.array([2.0, 0.0]))
    x = np.full((2, 3), 0.5, "float32")
    with pytest.raises(ValueError, match="2 images, 2 right and 0 moved"):
        curvature_along(model, x, [0, 0], BIM(_BALL))
    with pytest.raises(ValueError, match="2 images, 0 right and 0 moved"):
        curvature_along(model, x, [1, 1], BIM(_BALL))
    with pytest.raises(ValueError, match="`attack` must be an Attack"):
        curvature_along(model, x, [0, 0], None)


def test_the_first_few_images_keep_their_jacobian():
    model, kernel, x, y = _linear("float32")
    record = curvature_along(
        model, x, y, BIM(_BALL, num_steps=2), num_images=2, num_points=2
    )
    assert record.image_shape == (6,)
    np.testing.assert_array_equal(record.images, x[:2])
    x_adv = BIM(_BALL, num_steps=2)(model, x, y).x_adv
    np.testing.assert_array_equal(record.deltas, (x_adv - x)[:2])
    for row in range(2):
        rival = _rival(x[row] @ kernel, y[row])
        expected = kernel[:, y[row]] - kernel[:, rival]
        np.testing.assert_allclose(record.jacobians[row], expected, rtol=1e-5)
    none = curvature_along(model, x, y, BIM(_BALL), num_images=0)
    assert none.images == none.deltas == none.jacobians == ()


def test_the_way_to_the_least_likely_class():
    model, kernel, x, y = _linear("float32")
    attack = BIM(
        NormBall("inf", epsilon=0.05), num_steps=1, objective=Targeted()
    )
    record = curvature_along(model, x, y, attack, num_images=5, num_points=2)
    for row, example in enumerate(record.examples):
        z = x[example] @ kernel
        towards = kernel[:, z.argmin()] - kernel @ _softmax(z)
        np.testing.assert_allclose(
            record.deltas[row], 0.05 * np.sign(towards), atol=1e-6
        )
        assert record.lengths[row] == pytest.approx(0.05 * 6**0.5, rel=1e-5)
    assert record.attack["objective"]["name"] == "Targeted"


def test_lines_do_not_depend_on_the_batches():
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 7)
    done = []
    small, large = (
        curvature_along(
            model,
            x,
            y,
            PGD(_BALL, num_steps=2),
            batch_size=size,
            progress=done.append,
        )
        for size in (3, 250)
    )
    for field in ("loss", "decision", "slope", "curvature"):
        np.testing.assert_allclose(
            getattr(small, field), getattr(large, field), atol=1e-5
        )
    assert done == [3, 3, 1, 7]
    text = json.dumps(dataclasses.asdict(large), allow_nan=False)
    assert json.loads(text)["image_shape"] == [6, 6, 1]
