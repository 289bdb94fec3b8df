"""What every defense promises. A public defense without a row fails."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import networks
from tfrobust import defenses
from tfrobust.attacks import PGD
from tfrobust.attacks import UniformStart
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Margin
from tfrobust.penalties import GradientL1Norm
from tfrobust.penalties import SquaredGradientNorm
from tfrobust.threat_model import NormBall

ROWS = {
    "RobustModel": lambda c: defenses.RobustModel(c),
    "RobustModel-attack-penalty": lambda c: defenses.RobustModel(
        c,
        attack=PGD(NormBall(2, epsilon=0.5), num_steps=2),
        penalties=[GradientL1Norm(0.1), SquaredGradientNorm(0.1)],
        seed=3,
    ),
    "AdversarialTraining": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.1, num_steps=3
    ),
    "AdversarialTraining-mixed": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.1, num_steps=2, objective=Margin(), clean_weight=0.5
    ),
    "FGSMTraining": lambda c: defenses.FGSMTraining(c, epsilon=0.1),
    "FGSMTraining-fast": lambda c: defenses.FGSMTraining(
        c,
        epsilon=0.1,
        step_size=0.125,
        random_start=UniformStart(),
        clean_weight=0.0,
    ),
    "TRADES": lambda c: defenses.TRADES(c, epsilon=0.1, beta=2, num_steps=3),
    "GradientNorm": lambda c: defenses.GradientNorm(c, weight=0.5),
    "GradientNorm-attack": lambda c: defenses.GradientNorm(
        c,
        weight=0.5,
        attack=PGD(NormBall("inf", epsilon=0.1), num_steps=2),
        penalties=[GradientL1Norm(0.1)],
    ),
    "LFR": lambda c: defenses.LFR(c, epsilon=0.1, weight=0.5, num_steps=3),
    "LFR-loss": lambda c: defenses.LFR(
        c,
        epsilon=0.1,
        weight=0.5,
        num_steps=2,
        inner_objective=CrossEntropy(),
        random_start=UniformStart(),
    ),
}

every_defense = pytest.mark.parametrize("make", ROWS.values(), ids=ROWS.keys())


def _compiled(make, classifier=None, **compile_arguments):
    classifier = classifier or networks.tiny_cnn()
    model = make(classifier)
    # SGD: Adam's first steps have one length whatever the gradient's.
    arguments = {"optimizer": keras.optimizers.SGD(0.5, momentum=0.9)}
    arguments |= {"loss": networks.sparse_loss(), "metrics": ["accuracy"]}
    model.compile(**arguments | compile_arguments)
    return model


def _fit(model, x, y, epochs=1, **arguments):
    arguments = {"batch_size": 4, "shuffle": False, "verbose": 0} | arguments
    return model.fit(x, y, epochs=epochs, **arguments).history


def _weights(model):
    return np.concatenate([w.ravel() for w in model.classifier.get_weights()])


def test_every_public_defense_has_a_row():
    assert {n.split("-")[0] for n in ROWS} == set(defenses.__all__)


@every_defense
def test_a_step_is_finite_moves_weights_and_logs_its_terms(make):
    model = _compiled(make)
    x, y = networks.batch(model.classifier)
    before = _weights(model)
    history = _fit(model, x, y)
    after = _weights(model)
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 1e-3
    names = [*model.loss_terms, *(p.name for p in model.penalties)]
    if len(names) > 1:
        total = sum(history[name][0] for name in names)
        assert history["loss"][0] == pytest.approx(total, rel=1e-5)
    assert set(model.evaluate(x, y, verbose=0, return_dict=True)) == {
        "loss",
        "accuracy",
    }


@every_defense
def test_keras_file_round_trip_is_exact_and_trains_on(make, tmp_path, float64):
    # Two epochs equal one, a save, a load, and one more: weights, optimizer,
    # noise counter.
    del float64
    model = _compiled(make)
    x, y = networks.batch(model.classifier)
    _fit(model, x, y)
    model.save(tmp_path / "model.keras")
    _fit(model, x, y)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert _own_config(loaded) == _own_config(model)
    _fit(loaded, x, y)
    np.testing.assert_array_equal(_weights(loaded), _weights(model))


def _own_config(model):
    config = model.get_config()
    return {k: v for k, v in config.items() if k != "classifier"}


@every_defense
def test_two_replicas_equal_one(make, float64):
    # Batches of 4, 4 and a ragged 2.
    del float64
    one = _compiled(make)
    x, y = networks.batch(one.classifier, 10)
    start = one.classifier.get_weights()
    devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices)
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        two = _compiled(make)
    two.classifier.set_weights(start)
    _fit(one, x, y)
    _fit(two, x, y)
    np.testing.assert_allclose(_weights(two), _weights(one), atol=1e-9)


@every_defense
def test_eager_equals_graph(make, float64):
    del float64
    results = []
    for eagerly in (False, True):
        keras.utils.set_random_seed(0)
        model = _compiled(make, run_eagerly=eagerly)
        _fit(model, *networks.batch(model.classifier, 6))
        results.append(_weights(model))
    np.testing.assert_allclose(results[0], results[1], atol=1e-9)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@every_defense
def test_mixed_precision_follows_float32(make, policy):
    # A step of 0.01 in bfloat16 (8 bits) lands near that of float32.
    moved = {}
    for name in ("float32", policy):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(name)
        model = _compiled(make, optimizer=keras.optimizers.SGD(0.01))
        before = _weights(model)
        x, y = networks.batch(model.classifier, 64)
        _fit(model, x, y, batch_size=64)
        moved[name] = _weights(model) - before
        assert model.classifier(x[:1]).dtype.name == name.split("_")[-1]
    a, b = moved["float32"], moved[policy]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert cosine > 0.95
    assert 0.8 < np.linalg.norm(b) / np.linalg.norm(a) < 1.25


@pytest.mark.parametrize(
    "shape, num_classes", [((6, 6, 3), 2), ((7,), 10), ((6, 6, 1), 100)]
)
@every_defense
def test_shapes_class_counts_and_weights(make, shape, num_classes):
    # Examples of weight 0 move nothing; of weight 1, something.
    if len(shape) == 3:
        classifier = networks.tiny_cnn(shape[2], num_classes)
    else:
        classifier = networks.tiny_dense(shape[0], num_classes)
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model = _compiled(make, classifier, optimizer=keras.optimizers.SGD(rate))
    x, y = networks.batch(classifier, 4)
    start = _weights(model)
    data = tf.data.Dataset.from_tensors((x, y, np.zeros(4, "float32")))
    model.fit(data, verbose=0)
    np.testing.assert_array_equal(_weights(model), start)
    weight = {c: float(c in y) for c in range(num_classes)}
    _fit(model, x, y, class_weight=weight)
    assert np.abs(_weights(model) - start).max() > 1e-5


@every_defense
def test_prediction_is_the_classifiers(make):
    model = _compiled(make)
    x, _ = networks.batch(model.classifier)
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), model.classifier.predict(x, verbose=0)
    )
