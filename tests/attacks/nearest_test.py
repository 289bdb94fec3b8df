"""Nearest points on linear classifiers, where the boundary is known."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust import objectives
from tfrobust.attacks.nearest import nearer
from tfrobust.attacks.nearest import Nearest
from tfrobust.attacks.nearest import Problem
from tfrobust.attacks.nearest import Rows
from tfrobust.objectives import margin
from tfrobust.threat_model import NormBall

_TWO = NormBall(2, epsilon=math.inf, bounds=(-10.0, 10.0))
_INF = NormBall("inf", epsilon=math.inf, bounds=(-10.0, 10.0))
_ATTACKS = {
    "DeepFool": (attacks.DeepFool(_TWO), 4, 1.021),
    "DeepFool-linf": (attacks.DeepFool(_INF), 4, 1.021),
    "FAB": (attacks.FAB(_TWO, num_steps=30), 4, 1.05),
    "FAB-linf": (attacks.FAB(_INF, num_steps=30), 4, 1.05),
    "TargetedFAB": (attacks.TargetedFAB(_TWO, num_steps=30), 4, 1.05),
    "TargetedFAB-linf": (attacks.TargetedFAB(_INF, num_steps=30), 4, 1.05),
    "MinimalBIM": (attacks.MinimalBIM(_TWO), 2, 1.001),
    # These follow a loss, whose slope shows the nearest boundary only where
    # there is one.
    "DDN": (attacks.DDN(_TWO), 2, 1.05),
    "FMN": (attacks.FMN(_TWO), 2, 1.05),
    "FMN-linf": (attacks.FMN(_INF), 2, 1.05),
    "CarliniWagner": (
        attacks.CarliniWagner(
            _TWO, max_iterations=300, learning_rate=0.005, initial_constant=0.1
        ),
        2,
        1.05,
    ),
}
every_attack = pytest.mark.parametrize(
    "attack, num_classes, factor", _ATTACKS.values(), ids=_ATTACKS
)


def _linear(num_classes=4, size=12, seed=0):
    rng = np.random.default_rng(seed)
    model = keras.Sequential(
        [keras.Input((size,)), keras.layers.Dense(num_classes)]
    )
    kernel = rng.normal(size=(size, num_classes))
    model.set_weights([kernel, -kernel.sum(0) / 2])
    x = rng.uniform(0.0, 1.0, (15, size)).astype("float32")
    y = model(x).numpy().argmax(1)
    return model, kernel, x, y


def _distances(model, kernel, x, y, norm):
    """The distance to the boundary, by the dual norm of its normal."""
    logits = model(x).numpy()
    gaps = logits[np.arange(len(x)), y][:, None] - logits
    normals = kernel[:, y].T[:, None] - kernel.T[None]
    size = np.linalg.norm(normals, {2: 2, "inf": 1}[norm], axis=2)
    ratio = np.where(size > 0, gaps / np.where(size > 0, size, 1), np.inf)
    return ratio.min(1)


@every_attack
def test_the_distance_of_a_linear_classifier(attack, num_classes, factor):
    model, kernel, x, y = _linear(num_classes)
    exact = _distances(model, kernel, x, y, attack.threat_model.norm)
    result = attack(model, x, y)
    assert result.success.all()
    ratio = result.perturbation_norm / exact
    assert ratio.min() > 0.9999
    assert ratio.max() <= factor


@every_attack
def test_a_ball_cuts_at_its_radius(attack, num_classes, factor):
    # The verdict in a ball is that of the distance, and found for less.
    del factor
    model, _, x, y = _linear(num_classes)
    free = attack(model, x, y)
    radius = 1.001 * float(np.median(free.perturbation_norm))
    cut = attack.with_radius(radius)(model, x, y)
    np.testing.assert_array_equal(cut.success, free.perturbation_norm <= radius)
    assert cut.perturbation_norm.max() <= radius
    np.testing.assert_array_equal(cut.x_adv[~cut.success], x[~cut.success])


def test_a_farther_point_or_one_that_is_not_broken_changes_nothing():
    x = tf.zeros((4, 2))
    points = tf.constant([[0.3, 0.4]] * 4)
    best = Nearest(x + 0.1, tf.constant([0.4, 0.6, 0.6, float("inf")]))
    broken = tf.constant([True, True, False, True])
    problem = Problem(None, _TWO, Rows(x, None, None))
    found = nearer(best, points, broken, problem)
    np.testing.assert_allclose(found.distance, [0.4, 0.5, 0.6, 0.5])
    np.testing.assert_array_equal(
        np.isclose(found.point, points).all(1), [False, True, False, True]
    )


def test_quantised_perturbations_are_whole_levels():
    model, _, _, _ = _linear()
    x = np.round(np.random.default_rng(0).uniform(size=(9, 12)) * 255) / 255
    x = x.astype("float32")
    y = model(x).numpy().argmax(1)
    ball = NormBall(2, epsilon=math.inf)
    result = attacks.DDN(ball, num_steps=60, levels=256)(model, x, y)
    assert result.success.any()
    steps = result.x_adv * 255
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_a_vanished_gradient_is_left_in_a_random_direction():
    # relu(x - 0.6) is flat where every image lies.
    inputs = keras.Input((4,))
    hidden = keras.layers.ReLU(threshold=0.6)(inputs)
    outputs = keras.layers.Dense(2)(hidden)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[0.0, 9.0]] * 4), np.array([3.0, 0.0])])
    x = np.full((6, 4), 0.5, "float32")
    y = np.zeros(6, int)
    ball = NormBall(2, epsilon=math.inf)
    result = attacks.DDN(ball, num_steps=40)(model, x, y)
    assert result.success.all()


@pytest.mark.parametrize("iterations, run", [(100, 20), (25, 4), (5, 2)])
def test_carlini_and_wagner_give_up_at_a_tenth_without_gain(iterations, run):
    # Constant logits: the loss stays what it was. It is looked at after a
    # tenth of the run, and not below that a tenth later.
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.zeros((3, 2)), np.array([1.0, 0.0])])
    ball = NormBall(2, epsilon=math.inf)
    attack = attacks.CarliniWagner(
        ball, num_searches=2, max_iterations=iterations
    )
    rows = Rows(tf.fill((1, 3), 0.5), tf.constant([0]), tf.constant([0]))
    problem, state, steps = Problem(model, ball, rows), attack.begin(rows), 0
    while not attack.has_ended(state).numpy().all():
        state = attack.step(problem, state, tf.constant(steps))
        steps += 1
    assert steps == 2 * run


def test_each_example_of_carlini_and_wagner_searches_for_itself():
    # Among easy and hard examples each ends as it does alone.
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 8)
    attack = attacks.CarliniWagner(
        NormBall(2, epsilon=math.inf),
        num_searches=5,
        max_iterations=40,
        learning_rate=0.05,
    )
    together = attack(model, x, y)
    for i in range(8):
        alone = attack(model, x[i : i + 1], y[i : i + 1], example_ids=[i])
        np.testing.assert_allclose(
            alone.perturbation_norm, together.perturbation_norm[i], rtol=1e-3
        )


def test_kappa_asks_for_a_margin():
    model, _, x, y = _linear()
    norms = []
    for kappa in (0.0, 2.0):
        attack = attacks.CarliniWagner(
            _TWO,
            num_searches=6,
            max_iterations=200,
            learning_rate=0.01,
            initial_constant=0.1,
            kappa=kappa,
        )
        result = attack(model, x, y)
        found = margin(tf.constant(y), model(result.x_adv)).numpy()
        assert (found >= kappa - 1e-4).all()
        norms.append(result.perturbation_norm)
    assert (norms[1] > norms[0]).all()


def test_an_infinite_radius_does_not_open_the_box():
    ball = NormBall(2, epsilon=math.inf)
    outside = tf.constant([[1.5, 0.0]])
    assert not ball.contains(outside, tf.zeros((1, 2))).numpy().any()


def test_restarts_of_fab_begin_half_as_far_as_the_nearest_point():
    attack = attacks.FAB(NormBall(2, epsilon=math.inf), num_restarts=3)
    x = tf.fill((4, 9), 0.5)
    ids = tf.range(4, dtype=tf.int64)
    rows = Rows(x, tf.zeros((4, 2), tf.int64), ids)
    reach = tf.constant([0.1, 0.4, 0.2, math.inf])
    state = attack.begin(rows)
    starts = [
        attack.restarted(state, rows, run, reach).x_adv for run in (0, 1, 2)
    ]
    np.testing.assert_array_equal(starts[0], x)
    for start in starts[1:]:
        far = np.linalg.norm(start - x, axis=1)
        np.testing.assert_allclose(far, [0.05, 0.2, 0.1, 0], rtol=1e-5)
    assert (starts[1].numpy() != starts[2].numpy()).any()


@pytest.mark.parametrize("norm", [2, "inf"])
def test_deepfool_crosses_where_the_box_cuts_its_steps_short(norm):
    # Half of each step leads out of the box, so the gap halves for ever.
    kernel = np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]])
    model = networks.linear(kernel, np.array([0.4, -0.4]))
    x = np.float32([[0.0, 0.0, 0.1, 0.1]])
    attack = attacks.DeepFool(NormBall(norm, epsilon=math.inf))
    result = attack(model, x, [0])
    assert result.success.all()
    # z1 - z0 = -0.8 + 2 (x2 + x3 - x0 - x1): zero at x2 = x3 = 0.2.
    expected = {2: 0.1 * math.sqrt(2), "inf": 0.1}[norm]
    assert expected < result.perturbation_norm[0] < 1.01 * expected


@pytest.mark.parametrize("norm", [2, "inf"])
def test_fmn_is_not_stalled_by_the_box(norm):
    # The steepest pixel is white already: the other has to cross the
    # boundary, at a distance of 0.2, alone.
    weights = np.array([[0.0, 10.0], [0.0, 1.0]])
    model = networks.linear(weights, np.array([0.0, -10.7]))
    x = np.array([[1.0, 0.5]], "float32")
    ball = NormBall(norm, epsilon=np.inf)
    result = attacks.FMN(ball)(model, x, [0])
    assert result.success.all()
    assert 0.2 <= result.perturbation_norm[0] < 0.2 * 1.05


def test_a_target_is_another_class():
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 4)
    attack = attacks.PGD(
        NormBall("inf", epsilon=0.1), objective=objectives.Targeted()
    )
    with pytest.raises(ValueError, match="another class.*4 of 4 targets"):
        attack(model, x, y, targets=y)
