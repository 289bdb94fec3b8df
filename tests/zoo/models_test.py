"""The models that ride along, and what README says of them."""

import pathlib

import numpy as np
import pytest

from tfrobust import recipes
from tfrobust import reports
from tfrobust import zoo
from tfrobust.experiments.zoo_entries import zoo_table

_ROOT = pathlib.Path(__file__).parents[2]
_MODELS = _ROOT / "tfrobust" / "zoo" / "models"
_PREPARED = _ROOT.parent / "shared" / "tfds"
_NAMES = zoo.names()


def test_the_readme_has_the_table_of_the_cards():
    _, _, rest = (_ROOT / "README.md").read_text().partition("<!-- zoo -->\n")
    table, _, _ = rest.partition("\n<!-- end of zoo -->")
    assert table == reports.as_markdown(zoo_table())


def test_they_are_small_enough_to_ride_along():
    assert _NAMES
    assert sum(path.stat().st_size for path in _MODELS.iterdir()) < 20e6


@pytest.mark.parametrize("name", _NAMES)
def test_a_model_is_as_accurate_as_its_card_says(name):
    card = zoo.card(name)
    if not (_PREPARED / card.data).is_dir():
        pytest.skip(f"no ../shared/tfds/{card.data} here")
    data = recipes.load_data(card.data, data_dir=str(_PREPARED))
    x = data.test.x[: card.num_examples].astype("float32") / 255.0
    logits = zoo.load(name).predict(x, batch_size=500, verbose=0)
    right = np.argmax(logits, 1) == data.test.y[: card.num_examples]
    # Another processor may round an image across the boundary.
    assert abs(100 * right.mean() - card.results["clean"]) <= 0.1
