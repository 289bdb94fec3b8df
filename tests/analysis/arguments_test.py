"""What analyses are given: wrong things are refused before any work."""

import numpy as np
import pytest

from tests import networks
from tfrobust import analysis
from tfrobust import evaluation
from tfrobust.attacks import FGSM
from tfrobust.threat_model import NormBall

_FGSM = FGSM(NormBall("inf", epsilon=0.1))


def _linear():
    rng = np.random.default_rng(0)
    model = networks.linear(rng.normal(size=(6, 3)))
    x = rng.uniform(0.2, 0.8, (4, 6)).astype("float32")
    return model, x, model(x).numpy().argmax(1)


def _surface(model, x, y=(0,), **changes):
    rows = np.eye(6, dtype="float32")
    arguments = {"axes": {"u": rows[0], "v": rows[1]}, "reach": 0.1}
    return analysis.input_surface(
        model, x[0], y[0], **arguments | {"resolution": 3} | changes
    )


def _curve(model, x, y, attack=_FGSM, epsilons=(0.0, 0.1)):
    return evaluation.accuracy_against_epsilon(model, x, y, attack, epsilons)


def _flatness(model, x, y, **changes):
    few = {"num_steps": 2, "resolution": 3, "epsilon": 0.1}
    return analysis.local_flatness(model, x, y, **few | changes)


@pytest.mark.parametrize("look", [_surface, analysis.curvature, _flatness])
def test_a_record_needs_no_names(look):
    record = look(*_linear())
    assert (record.model, record.model_digest, record.data) == ("", "", "")
    assert record.provenance == {}


@pytest.mark.parametrize(
    "look",
    [_surface, analysis.curvature, analysis.weight_surface],
    ids=["surface", "curvature", "weights"],
)
def test_images_lie_in_the_box_or_in_bounds_of_their_own(look):
    model, x, y = _linear()
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        look(model, 3 * x, y)
    look(model, 3 * x, y, bounds=(0.0, 3.0))
    look(model, 3 * x, y, bounds=None)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"y": [3]}, r"Labels must lie in \[0, 2\]"),
        ({"y": [1.5]}, "Labels must be integers"),
        ({"axes": 7}, "`axes` must be a Mapping"),
        ({"axes": dict.fromkeys("uv", np.full(6, np.nan))}, "must be finite"),
        ({"paths": {"bim": np.zeros((2, 5))}}, r"bim of shape \(2, 5\)"),
        ({"paths": 7}, "`paths` must be a Mapping"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ],
)
def test_what_makes_no_surface_is_refused(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        _surface(*_linear()[:2], **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"attack": "fgsm"}, "`attack` must be an Attack"),
        ({"epsilons": 0.1}, "`epsilons` must be at least one radius"),
        ({"epsilons": ()}, "`epsilons` must be at least one radius"),
        ({"epsilons": (0.0, "x")}, "`epsilons` must be non-negative"),
        ({"epsilons": (0.2, 0.1)}, r"must rise. Received: \(0.2, 0.1\)"),
        ({"epsilons": (0.1, 8.0)}, "at most 1"),
    ],
)
def test_what_makes_no_curve_is_refused_before_an_attack(
    changes, message, monkeypatch
):
    model, x, y = _linear()

    def search(*arguments):
        raise RuntimeError("attacked")

    monkeypatch.setattr(FGSM, "search", search)
    with pytest.raises(ValueError, match=message):
        _curve(model, x, y, **changes)


@pytest.mark.parametrize("attacks", [{"a": "fgsm"}, [_FGSM], _FGSM])
def test_what_is_no_mapping_of_attacks_is_refused(attacks):
    model, x, y = _linear()
    images = networks.tiny_cnn()
    for look, classifier in (
        (analysis.feature_analysis, model),
        (analysis.perturbation_covariance, images),
    ):
        with pytest.raises(ValueError, match="must be an? (Attack|Mapping)"):
            look(classifier, x, y, attacks)
