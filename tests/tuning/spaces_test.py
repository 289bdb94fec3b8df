"""What is searched, and what a search makes large."""

import keras_tuner
import pytest

from tfrobust import recipes
from tfrobust import tuning


@pytest.mark.parametrize("recipe", [*recipes.DEFENSES, "projection", "noise"])
def test_every_value_of_a_space_makes_a_defense(recipe):
    # Both ends of every range, and each choice, are settings that it takes.
    space = tuning.search_space(recipe, (8, 8, 1), epochs=8)
    fixed = tuning.fixed_settings(recipe, 0.1)
    for pick in (min, max):
        values = {name: pick(_ends(range_)) for name, range_ in space.items()}
        training, settings = tuning.split_values(values)
        assert set(training) <= {"learning_rate", "epsilon_warm_up"}
        network = recipes.make_architecture("dense_network", (8, 8, 1), 10)
        model = recipes.make_defense(
            tuning.defense_of(recipe), network, **fixed | settings
        )
        assert model.classifier is not None


def _ends(range_):
    return getattr(range_, "values", None) or (range_.low, range_.high)


def test_d_and_c_of_noise_are_searched_and_m_is_the_papers():
    space = tuning.search_space("noise", (28, 28, 1))
    assert {"num_components", "noise_scale", "learning_rate"} == set(space)
    # d + m of the 784 components there are.
    assert space["num_components"].high + 10 == 784
    assert tuning.fixed_settings("noise", 0.3) == {"num_noise_components": 10}


def test_a_space_is_narrowed_and_widened():
    space = tuning.search_space("lfr", (8, 8, 1))
    narrow = tuning.changed_space(space, ["weight"], {})
    assert narrow == {"weight": tuning.Reals(0.002, 0.2)}
    other = {"num_steps": tuning.Integers(2, 9)}
    assert tuning.changed_space(space, ["weight"], other) == narrow | other
    with pytest.raises(ValueError, match="'weight'"):
        tuning.changed_space(space, ["wieght"], {})
    for make in (tuning.Reals, tuning.Integers):
        with pytest.raises(ValueError, match="must rise.*3:2"):
            make(3, 2)


def test_what_is_searched_is_not_fixed_too():
    space = tuning.search_space("lfr", (8, 8, 1))
    tuning.check_not_fixed(space, {"num_steps": 5})
    with pytest.raises(ValueError, match="not both.*Received: weight=5"):
        tuning.check_not_fixed(space, {"num_steps": 5, "weight": 5})


def test_ranges_are_declared_as_they_are():
    hp = keras_tuner.HyperParameters()
    tuning.Reals(0.1, 10.0).declare(hp, "weight")
    tuning.Integers(2, 64).declare(hp, "num_components")
    tuning.Choices((0.0, 0.9)).declare(hp, "decay")
    weight, components, decay = hp.space
    # Half of what is drawn lies below the geometric mean.
    assert weight.prob_to_value(0.5) == pytest.approx(1.0, rel=0.01)
    assert components.prob_to_value(0.5) in (11, 12)
    assert decay.values == [0.0, 0.9]


def test_a_score_is_robust_accuracy_only_above_the_floor():
    history = {
        "val_accuracy": [0.90, 0.98, 0.97],
        "val_robust_accuracy": [0.80, 0.50, 0.60],
    }
    assert tuning.best_score(history, 0.0) == 0.80
    assert tuning.best_score(history, 0.97) == 0.60
    assert tuning.best_score(history, 0.975) == 0.50
    # Forbidden: how far the nearest is from what is asked for.
    assert tuning.best_score(history, 0.99) == pytest.approx(-0.01)
