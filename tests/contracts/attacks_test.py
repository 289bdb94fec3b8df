"""What every attack promises. A public attack without a row fails."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import attacks
from tfrobust.attacks.compilation import compiled_functions
from tfrobust.attacks.working_set import watched
from tfrobust.attacks.working_set import work
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import KLDivergence
from tfrobust.objectives import LeastLikely
from tfrobust.objectives import Margin
from tfrobust.objectives import Targeted
from tfrobust.ops.sampling import ExampleNoise
from tfrobust.threat_model import NormBall

_INF = NormBall("inf", epsilon=0.3)
_TWO = NormBall(2, epsilon=0.8)
ROWS = {
    "UniformNoise": attacks.UniformNoise(_INF),
    "UniformNoise-l1": attacks.UniformNoise(NormBall(1, epsilon=2.0)),
    "CorrelatedNoise": attacks.CorrelatedNoise(_TWO, decay_length=2.0),
    "FGSM": attacks.FGSM(_INF),
    "FGM": attacks.FGM(_TWO),
    "FGSM-random": attacks.FGSM(
        _INF, step_size=0.4, random_start=attacks.UniformStart()
    ),
    "BIM": attacks.BIM(_INF),
    "PGD": attacks.PGD(_INF, num_steps=7),
    "PGD-restarts": attacks.PGD(_INF, num_steps=3, num_restarts=3),
    "PGD-l2-margin": attacks.PGD(_TWO, num_steps=5, objective=Margin()),
    "PGD-kl": attacks.PGD(
        _INF,
        num_steps=5,
        objective=KLDivergence(),
        random_start=attacks.GaussianStart(),
    ),
    "PGD-least-likely": attacks.PGD(
        _INF, num_steps=5, objective=Targeted(targets=LeastLikely())
    ),
    "PGD-last": attacks.PGD(_INF, num_steps=5, keep_best=False),
    "MIFGSM": attacks.MIFGSM(_INF),
    "APGD": attacks.APGD(_INF, num_steps=12),
    "APGD-l2": attacks.APGD(_TWO, num_steps=12, num_restarts=2),
    "APGD-dlr": attacks.APGD(
        _INF, num_steps=8, objective=DifferenceOfLogitsRatio()
    ),
    "TargetedAPGD": attacks.TargetedAPGD(_INF, num_steps=5, num_targets=1),
    "FAB": attacks.FAB(_INF, num_steps=5, num_restarts=2),
    "FAB-l2": attacks.FAB(_TWO, num_steps=5, num_candidates=3),
    "TargetedFAB": attacks.TargetedFAB(_INF, num_steps=5),
    "TargetedFAB-l2": attacks.TargetedFAB(_TWO, num_steps=5),
    "Square": attacks.Square(_INF, num_queries=40),
    "Square-l2": attacks.Square(_TWO, num_queries=40),
    "DeepFool": attacks.DeepFool(_TWO),
    "DeepFool-linf": attacks.DeepFool(_INF, num_candidates=2),
    "DDN": attacks.DDN(_TWO, num_steps=12),
    "DDN-levels": attacks.DDN(_TWO, num_steps=12, levels=256),
    "FMN": attacks.FMN(_TWO, num_steps=12),
    "FMN-linf": attacks.FMN(_INF, num_steps=12),
    "CarliniWagner": attacks.CarliniWagner(
        _TWO, num_searches=4, max_iterations=20, learning_rate=0.05
    ),
    "MinimalBIM": attacks.MinimalBIM(_TWO, num_iterations=3, num_searches=4),
    "AutoAttack": attacks.AutoAttack(_INF),
    "AutoAttack-rand": attacks.AutoAttack(_INF, version="rand"),
}
_FOR_IMAGES = [ROWS[name] for name in ("CorrelatedNoise", "Square-l2")]
_PUBLIC = {
    name
    for name in attacks.__all__
    if isinstance(getattr(attacks, name), type)
    and issubclass(getattr(attacks, name), attacks.Attack)
    and name not in ("Attack", "GradientAttack", "NearestPointAttack")
    # Around an attack: tests/attacks/around_test.py.
    and name not in ("InBfloat16", "Transfer")
}

every_attack = pytest.mark.parametrize("attack", ROWS.values(), ids=ROWS.keys())


# No attack changes it, so its graphs serve all tests.
@functools.cache
def _shared_model():
    return networks.tiny_cnn(
        activation="relu", normalization=keras.layers.BatchNormalization
    )


def test_every_public_attack_has_a_row():
    assert {name.split("-")[0] for name in ROWS} == _PUBLIC


@every_attack
def test_points_keep_type_ball_and_box(attack):
    model = _shared_model()
    x, y = networks.batch(model, 12)
    result = attack(model, x, y)
    assert result.x_adv.shape == x.shape
    assert result.x_adv.dtype == x.dtype
    ball = attack.threat_model
    inside = ball.contains(tf.constant(result.x_adv), tf.constant(x))
    assert inside.numpy().all()
    size = np.abs(result.x_adv - x).reshape(12, -1)
    order = {"inf": np.inf}.get(ball.norm, ball.norm)
    np.testing.assert_allclose(
        result.perturbation_norm,
        np.linalg.norm(size, order, axis=1),
        rtol=1e-5,
        atol=1e-7,
    )


@every_attack
def test_zero_radius_is_the_identity(attack):
    model = _shared_model()
    x, y = networks.batch(model)
    ball = attack.threat_model.with_epsilon(0.0)
    result = dataclasses.replace(attack, threat_model=ball)(model, x, y)
    np.testing.assert_array_equal(result.x_adv, x)


@every_attack
def test_misclassified_examples_are_left_alone(attack):
    model = _shared_model()
    x, y = networks.batch(model, 20)
    result = attack(model, x, y)
    wrong = result.clean_predictions != y
    assert 0 < wrong.sum() < 20
    moved = (result.x_adv != x).reshape(20, -1).any(1)
    last = not getattr(attack, "keep_best", True)
    assert moved[wrong].all() if last else not moved[wrong].any()


@every_attack
def test_success_is_what_a_fresh_pass_says(attack):
    model = _shared_model()
    x, y = networks.batch(model, 20)
    result = attack(model, x, y)
    predictions = np.asarray(model(result.x_adv)).argmax(1)
    np.testing.assert_array_equal(result.predictions, predictions)
    np.testing.assert_array_equal(result.robust, predictions == y)
    if not attack.objective.targeted:
        np.testing.assert_array_equal(result.success, predictions != y)


@every_attack
def test_same_seed_same_result_and_batches_do_not_matter(attack):
    model = _shared_model()
    x, y = networks.labelled(model, 9)
    whole = attack(model, x, y)
    again = attack(model, x, y)
    np.testing.assert_array_equal(whole.x_adv, again.x_adv)
    split = attack(model, x, y, batch_size=2)
    np.testing.assert_array_equal(whole.success, split.success)
    order = np.array([4, 0, 8, 2])
    part = attack(model, x[order], y[order], example_ids=order)
    np.testing.assert_array_equal(whole.success[order], part.success)
    np.testing.assert_allclose(part.x_adv, whole.x_adv[order], atol=1e-3)


@every_attack
def test_weights_and_statistics_are_untouched(attack):
    model = _shared_model()
    before = [w.copy() for w in model.get_weights()]
    x, y = networks.batch(model)
    attack(model, x, y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_attack
def test_one_graph_for_every_radius_and_batch(attack):
    model = _shared_model()
    x, y = networks.labelled(model, 9)
    attack(model, x, y)
    count = len(compiled_functions(model))
    bigger = attack.threat_model.with_epsilon(0.35)
    dataclasses.replace(attack, threat_model=bigger)(model, x, y, batch_size=4)
    assert len(compiled_functions(model)) == count


# The others' searches can end by themselves, or have fewer targets.
_WHOLE = {
    name
    for name, attack in ROWS.items()
    if not isinstance(
        attack,
        attacks.AutoAttack
        | attacks.CarliniWagner
        | attacks.DeepFool
        | attacks.MinimalBIM
        | attacks.TargetedFAB,
    )
}


@pytest.mark.parametrize("name", ROWS)
def test_nothing_works_more_than_it_says(name):
    model = _shared_model()
    x, y = networks.labelled(model, 4)
    told = []
    with watched(lambda rows, *steps: told.append(rows * work(*steps))):
        ROWS[name].with_radius(0.0)(model, x, y)  # in which nothing falls
    if name in _WHOLE:  # Square's first query is its start
        first = isinstance(ROWS[name], attacks.Square)
        assert sum(told) == 4 * (ROWS[name].most_work - first)
    assert 0 < sum(told) <= 4 * ROWS[name].most_work


@every_attack
def test_config_round_trip(attack):
    config = keras.saving.serialize_keras_object(attack)
    assert keras.saving.deserialize_keras_object(config) == attack


@pytest.mark.parametrize(
    "shape, num_classes",
    [
        ((6, 6, 3), 10),
        ((7,), 100),
        pytest.param((6, 6, 1), 2, marks=pytest.mark.slow),
    ],
)
@every_attack
def test_shapes_and_class_counts(attack, shape, num_classes):
    if len(shape) == 3:
        model = networks.tiny_cnn(shape[2], num_classes)
    elif attack in _FOR_IMAGES:
        pytest.skip("made for images")
    else:
        model = networks.tiny_dense(shape[0], num_classes)
    x, y = networks.labelled(model, 3)
    result = attack(model, x, y)
    assert result.x_adv.shape == x.shape
    assert attack.threat_model.contains(result.x_adv, x).numpy().all()
    assert result.clean_accuracy == 1.0


_GRADIENT = {
    name: attack
    for name, attack in ROWS.items()
    if isinstance(attack, attacks.GradientAttack)
}


@pytest.mark.parametrize("attack", _GRADIENT.values(), ids=_GRADIENT.keys())
def test_training_points_are_the_last_iterates_of_evaluation(attack, float64):
    # One ascent loop: `perturb` and `keep_best=False` take the same steps.
    del float64
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 6)
    last = dataclasses.replace(attack, keep_best=False, num_restarts=1)
    expected = last(model, x, y).x_adv
    noise = ExampleNoise(0, tf.range(6))
    labels = tf.constant(y)
    eager = last.perturb(model, tf.constant(x), labels, noise)
    np.testing.assert_allclose(eager, expected, atol=1e-12)
    graph = tf.function(
        lambda x: last.perturb(model, x, labels, ExampleNoise(0, tf.range(6)))
    )(tf.constant(x))
    np.testing.assert_allclose(graph, expected, atol=1e-12)


@pytest.mark.parametrize("attack", _GRADIENT.values(), ids=_GRADIENT.keys())
def test_the_best_point_is_at_least_as_good_as_the_last(attack):
    model = _shared_model()
    x, y = networks.labelled(model, 20)
    best = dataclasses.replace(attack, keep_best=True)(model, x, y)
    last = dataclasses.replace(attack, keep_best=False)(model, x, y)
    assert (best.success >= last.success).all()
