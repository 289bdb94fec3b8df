"""What a training may begin with."""

import pytest

from tests import networks
from tfrobust import recipes
from tfrobust.experiments.training_state import begun_model
from tfrobust.experiments.training_state import check_is_of

_ASCENT = {"epsilon": 0.1, "num_steps": 2}
_DEFENSES = {
    "projection": ("standard", {"num_components": 5}),
    "covariance": ("sgr", {"weight": 0.1}),
    "added covariance": (
        "adversarial_training",
        {**_ASCENT, "structured_gradient_weight": 0.1},
    ),
}


def _made(name, settings):
    model = recipes.make_defense(name, networks.tiny_cnn(), **settings)
    if model.input_transform is not None:
        model.input_transform.adapt(networks.batch(model.classifier, 20)[0])
    return model


@pytest.mark.parametrize("case", _DEFENSES.values(), ids=_DEFENSES)
def test_a_saved_model_is_of_its_training_whatever_layers_are_called(
    case, tmp_path
):
    path = str(tmp_path / "last.keras")
    _made(*case).save(path)
    name, settings = case
    fresh = recipes.make_defense(name, networks.tiny_cnn(), seed=3, **settings)
    # Keras has counted the names of its layers on; the seed is another.
    begun = begun_model(path, fresh)
    assert begun.seed == 3
    if begun.input_transform is not None:
        assert begun.input_transform.seed == 3
    # What began with it is killed, and goes on.
    check_is_of(tmp_path, begun, fresh)
    key = list(settings)[-1]
    other = recipes.make_defense(
        name, networks.tiny_cnn(), **settings | {key: 2 * settings[key]}
    )
    with pytest.raises(ValueError, match="another training, with other "):
        begun_model(path, other)
