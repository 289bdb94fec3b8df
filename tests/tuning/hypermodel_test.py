"""A recipe in a tuner of keras-tuner's own."""

import keras_tuner
import numpy as np
import pytest

from tfrobust import recipes
from tfrobust import tuning
from tfrobust.attacks import PGD
from tfrobust.threat_model import NormBall


def _hypermodel(recipe="noise", **changes):
    arguments = {"epsilon": 0.1, "architecture": "dense_network", "epochs": 2}
    return tuning.RecipeHyperModel(recipe, (8, 8, 1), 10, **arguments | changes)


def _search(hypermodel, directory, trials):
    data = recipes.load_data("digits").with_validation(60, seed=0)
    tuner = keras_tuner.RandomSearch(
        hypermodel,
        tuning.OBJECTIVE,
        max_trials=trials,
        seed=1,
        directory=str(directory),
    )
    validation = data.validation.images(), data.validation.y
    tuner.search(
        data.train.images(),
        data.train.y,
        validation_data=validation,
        epochs=2,
        verbose=0,
    )
    return tuner, validation


@pytest.mark.slow
def test_the_best_model_has_the_score_that_is_said(tmp_path):
    attack = PGD(NormBall("inf", epsilon=0.1), num_steps=2)
    hypermodel = _hypermodel(attack=attack, clean_floor=0.2)
    tuner, validation = _search(hypermodel, tmp_path, 3)
    (best,) = tuner.oracle.get_best_trials()
    assert {t.status for t in tuner.oracle.trials.values()} == {"COMPLETED"}
    model = tuner.get_best_models()[0]
    result = attack(model.classifier, *validation)
    assert result.clean_accuracy >= 0.2
    assert best.score == pytest.approx(result.robust_accuracy, abs=1e-6)
    d = best.hyperparameters.values["num_components"]
    assert model.input_transform.num_components == d


def test_a_loss_that_is_not_finite_is_a_trial_that_failed(tmp_path):
    hypermodel = _hypermodel(
        "gradient_norm", ranges={"learning_rate": tuning.Reals(1e37, 1e38)}
    )
    tuner, _ = _search(hypermodel, tmp_path, 1)
    (trial,) = tuner.oracle.trials.values()
    assert trial.status == "FAILED" and trial.score is None
    assert "is not finite" in trial.message


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"settings": {"beta": 1.0}}, "Received: beta"),
        ({"search": ("learning_rate",)}, "needs weight"),
        ({"settings": {"weight_decay": -1.0}}, "`weight_decay` must be"),
        ({"settings": {"weight": 5.0}}, "fixed or searched"),
        ({"architecture": "dense_netwrok"}, "Did you mean 'dense_network'"),
    ],
)
def test_what_every_trial_would_refuse_is_refused_at_once(changes, message):
    with pytest.raises(ValueError, match=message):
        _hypermodel("gradient_norm", **changes)


def test_a_trials_start_is_the_seeds():
    hp = keras_tuner.HyperParameters()
    one, two, other = (
        _hypermodel(seed=seed).build(hp).get_weights() for seed in (0, 0, 1)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one, other, strict=True))
