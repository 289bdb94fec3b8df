"""Names become objects; wrong names get the list and the nearest."""

import dataclasses

import numpy as np
import pytest

from tests import networks
from tfrobust import architectures
from tfrobust import defenses
from tfrobust import penalties
from tfrobust import recipes
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Expectation
from tfrobust.objectives import LeastLikely
from tfrobust.objectives import Margin
from tfrobust.objectives import Targeted
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.1)
_REQUIRED = {"epsilon": 0.1, "weight": 0.5, "stddev": 0.2}


@pytest.mark.parametrize("name", recipes.DEFENSES)
def test_every_defense_is_built_by_name(name):
    takes = recipes.defense_settings(name)
    settings = {k: v for k, v in _REQUIRED.items() if k in takes}
    model = recipes.make_defense(name, networks.tiny_cnn(), seed=3, **settings)
    assert isinstance(model, defenses.RobustModel)
    assert model.seed == 3
    for key, value in settings.items():
        # These two use the radius for something that has no name of its own.
        if name == "fast_fgsm_training":
            assert model.attack.threat_model.epsilon == 0.1
        elif key == "epsilon" and name.startswith("sgr"):
            assert model.perturbation.attack.threat_model.epsilon == 0.1
        else:
            assert getattr(model, key) == value
    model.compile("sgd", recipes.make_loss(name))
    x, y = networks.batch(model.classifier, 4)
    assert np.isfinite(model.evaluate(x, y, verbose=0))


def test_extras_are_added_to_any_defense():
    model = recipes.make_defense(
        "trades",
        networks.tiny_cnn(),
        epsilon=0.1,
        jacobian_weight=0.3,
        gradient_norm_weight=0.2,
        weight_decay=0.1,
        awp_radius=0.01,
        num_components=5,
        num_noise_components=3,
        noise_scale=2.0,
        seed=3,
    )
    subspace = model.input_transform.get_config()
    assert model.seed == subspace["seed"] == 3
    assert subspace["num_components"] == 5
    assert subspace["num_noise_components"] == 3
    assert subspace["noise_scale"] == 2.0
    assert model.penalties == (
        penalties.DecisionJacobian(0.3),
        penalties.SquaredGradientNorm(0.2),
    )
    assert model.weight_decay == 0.1
    assert model.weight_perturbation == defenses.WeightPerturbation(0.01)


@pytest.mark.parametrize(
    "name", ["adversarial_training", "mixed_pgd_training", "fgsm_training"]
)
def test_points_of_predicted_labels_can_be_trained_on(name):
    arguments = {"epsilon": 0.1, "label_source": "predicted"}
    model = recipes.make_defense(name, networks.tiny_cnn(), **arguments)
    assert model.label_source == "predicted"


def test_structured_gradient_is_added_to_adversarial_training():
    model = recipes.make_defense(
        "adversarial_training",
        networks.tiny_cnn(),
        epsilon=0.1,
        structured_gradient_weight=0.3,
    )
    (penalty,) = model.penalties
    assert penalty.weight == 0.3 and penalty.label_source == "predicted"
    assert penalty.covariance.image_shape == (6, 6, 1)
    assert model.penalty_layers == [penalty.covariance]


def test_a_network_takes_its_options():
    options = {"depth": 10, "width": 2, "mean": [0.5], "variance": [0.25]}
    small = recipes.make_architecture(
        "wide_resnet", (8, 8, 1), 3, dropout=None, **options
    )
    own = architectures.wide_resnet((8, 8, 1), 3, **options)
    assert small.count_params() == own.count_params()


def test_a_suite_has_an_adaptive_attack_where_it_differs_from_pgd():
    budget = recipes.Budget(adaptive_objective=CrossEntropy())
    for known in (budget, recipes.Budget()):
        usual = recipes.make_attacks(["standard"], _BALL, known)
        assert "adaptive-40" not in usual
    asked = recipes.make_attacks(["adaptive"], _BALL, budget)
    assert list(asked) == ["adaptive-40"]
    with pytest.raises(ValueError, match="adaptive: .*a plain classifier"):
        recipes.make_attacks(["adaptive"], _BALL, recipes.Budget())
    model = recipes.make_defense(
        "trades", networks.tiny_cnn(), epsilon=0.1, beta=2.0
    )
    budget = recipes.Budget(adaptive_objective=model.adaptive_objective)
    own = recipes.make_attacks(["standard"], _BALL, budget)
    assert own["adaptive-40"].objective == model.adaptive_objective


def test_the_fast_recipe_has_wongs_settings():
    model = recipes.make_defense(
        "fast_fgsm_training", networks.tiny_cnn(), epsilon=0.3
    )
    assert model.attack.step_length == pytest.approx(0.375)
    assert model.attack.random_start is not None
    assert model.clean_weight == 0.0


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: recipes.make_defense("trade", None),
            "adversarial_training, .*trades. Did you mean 'trades'",
        ),
        (
            lambda: recipes.make_defense("standard", None, beta=2.0),
            "`standard` takes no settings of its own; .*Received: beta=2.0",
        ),
        (
            lambda: recipes.make_defense("trades", None, weight=2.0),
            "`trades` takes epsilon, .*beta; .*Received: weight=2.0",
        ),
        (
            lambda: recipes.make_defense("standard", None, noise_scale=2.0),
            "needs num_components.*noise_scale",
        ),
        (
            lambda: recipes.make_attacks(["pdg"], _BALL, recipes.Budget()),
            "Did you mean 'pgd'",
        ),
        (
            lambda: recipes.make_attacks(
                ["fmn", "pgd"], NormBall(2, epsilon=np.inf), recipes.Budget()
            ),
            "pgd: This attack needs a ball of finite radius",
        ),
        (
            lambda: recipes.make_architecture("smal_cnn", (28, 28, 1), 10),
            "Did you mean 'small_cnn'",
        ),
        (
            lambda: recipes.make_architecture("small_cnn", (8, 8, 1), 10),
            r"`small_cnn` can't be made for images of shape \(8, 8, 1\)",
        ),
        (
            lambda: recipes.make_architecture(
                "digits_cnn", (8, 8, 1), 10, dropout=0.5
            ),
            "has no dropout",
        ),
        (
            lambda: recipes.load_data("mnits", data_dir="/nowhere"),
            "digits.*Did you mean .*mnist",
        ),
        (
            lambda: recipes.load_data("mnist", data_dir="/nowhere"),
            "tools.prepare --data=mnist",
        ),
    ],
)
def test_wrong_names_and_settings(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_suites_are_their_attacks_once():
    budget = recipes.Budget(num_steps=7, num_restarts=2, seed=5)
    attacks = recipes.make_attacks(["pgd", "quick"], _BALL, budget)
    assert list(attacks) == ["pgd-7", "noise", "fgsm"]
    assert attacks["pgd-7"].num_restarts == 2
    assert attacks["noise"].seed == 5


def _preset(name, ball):
    return recipes.make_attacks([name], ball, recipes.Budget(seed=7))[name]


def test_presets_are_the_libraries_defaults():
    # Facts of the libraries' sources and the papers' scripts.
    linf, l2 = NormBall("inf", epsilon=0.6), NormBall(2, epsilon=1.0)
    pgd = _preset("foolbox-3/pgd", linf)
    assert (pgd.num_steps, pgd.keep_best, pgd.seed) == (40, False, 7)
    assert pgd.step_length == pytest.approx(0.02)  # 0.01 / 0.3 of the radius
    assert _preset("foolbox-2.3.0/pgd", linf).random_start is None
    assert _preset("foolbox-2.3.0/ddn", l2).levels == 256
    assert _preset("foolbox-3/ddn", l2).levels is None
    assert _preset("foolbox-2.3.0/l2_bim", l2).root_mean_square
    wagner = _preset("foolbox-3/carlini_wagner", l2)
    assert (wagner.num_searches, wagner.max_iterations) == (9, 10000)
    assert (wagner.learning_rate, wagner.initial_constant) == (0.01, 0.001)
    lfr = {
        name: _preset(f"paper-lfr/{name}", linf)
        for name in ("fgsm", "pgd", "mi_fgsm")
    }
    assert lfr["fgsm"].random_start is not None
    assert lfr["pgd"].step_length == 0.01 and lfr["pgd"].num_steps == 40
    assert lfr["mi_fgsm"].momentum == 0.1
    assert lfr["mi_fgsm"].random_start is None
    assert _preset("paper-lfr/ddn", l2).num_steps == 20


@pytest.mark.parametrize("name", recipes.PRESETS)
def test_a_preset_is_a_suite_of_the_norm_asked_for(name):
    attacks = {}
    for ball in (_BALL, NormBall(2, epsilon=1.0)):
        try:
            attacks |= recipes.make_attacks([name], ball, recipes.Budget())
        except ValueError as error:
            assert "sets no attack in norm" in str(error)
    assert set(attacks) == {f"{name}/{one}" for one in recipes.PRESETS[name]}


def test_a_presets_attack_in_another_norm_is_refused():
    with pytest.raises(ValueError, match="foolbox-3/ddn is set for norm 2"):
        _preset("foolbox-3/ddn", _BALL)
    with pytest.raises(ValueError, match="Did you mean 'foolbox-3/ddn'"):
        _preset("foolbox-3/dnn", _BALL)


def test_a_climb_averages_the_passes_asked_for():
    budget = recipes.Budget(num_samples=5)
    made = recipes.make_attacks(["noise", "pgd", "square"], _BALL, budget)
    assert made["pgd-40"].objective == Expectation(num_samples=5)
    assert (
        made["square"]
        == recipes.make_attacks(["square"], _BALL, recipes.Budget())["square"]
    )


def test_least_likely_variants_differ_in_their_target_alone():
    for name in ("fgsm", "bim", "pgd", "pgd_margin"):
        plain, towards = (
            next(
                iter(
                    recipes.make_attacks([n], _BALL, recipes.Budget()).values()
                )
            )
            for n in (name, f"{name}_least_likely")
        )
        climbed = Margin() if name == "pgd_margin" else CrossEntropy()
        objective = Targeted(climbed, LeastLikely())
        assert towards == dataclasses.replace(plain, objective=objective)


def test_last_iterate_reaches_every_gradient_attack():
    budget = recipes.Budget(
        last_iterate=True, adaptive_objective=CrossEntropy()
    )
    euclidean = ("ddn", "carlini_wagner", "l2_bim")
    others = [name for name in recipes.ATTACKS if name not in euclidean]
    attacks = recipes.make_attacks(others, _BALL, budget)
    attacks |= recipes.make_attacks(euclidean, NormBall(2, epsilon=1.0), budget)
    assert len(attacks) == len(recipes.ATTACKS)
    assert not any(
        a.keep_best for a in attacks.values() if hasattr(a, "keep_best")
    )


def test_a_projection_alone_is_pca():
    model = recipes.make_defense(
        "standard", networks.tiny_cnn(), num_components=5
    )
    assert model.input_transform.num_noise_components == 0
