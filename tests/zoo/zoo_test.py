"""Models that ride along: what is loaded is what the card tells of."""

import json

import numpy as np
import pytest

from tests import networks
from tfrobust import zoo
from tfrobust.evaluation import weights_digest
from tfrobust.records import CardRecord
from tfrobust.records import write_record


def _card(classifier, **changes):
    fields = {
        "name": "digits-small",
        "data": "digits",
        "network": json.loads(classifier.to_json()),
        "command": "python -m tools.train",
        "results": {"clean": 97.5},
        "budgets": (),
        "num_examples": 40,
        "training": {},
        "seconds": 1.0,
        "model_digest": weights_digest(classifier),
        "provenance": {},
    }
    return CardRecord(**fields | changes)


@pytest.fixture
def kept(tmp_path):
    original = networks.tiny_cnn()
    classifier = zoo.rounded(original)
    zoo.save(classifier, _card(classifier), tmp_path)
    return tmp_path, original, classifier


def test_what_is_loaded_is_the_original_to_half_precision(kept):
    directory, original, classifier = kept
    assert zoo.names(directory) == ["digits-small"]
    loaded = zoo.load("digits-small", directory)
    for ours, theirs in zip(
        loaded.get_weights(), original.get_weights(), strict=True
    ):
        # Half a unit in the last of float16's eleven binary digits.
        np.testing.assert_allclose(ours, theirs, rtol=2.0**-11, atol=2.0**-25)
    x = np.random.default_rng(0).random((5, *original.input_shape[1:]))
    x = x.astype("float32")
    np.testing.assert_array_equal(loaded(x), classifier(x))


def test_weights_of_another_card_are_refused(kept):
    directory, _, classifier = kept
    path = directory / "digits-small.npz"
    with np.load(path) as file:
        arrays = [file[name] for name in file.files]
    arrays[0] = arrays[0] + np.float16(0.5)
    np.savez(path, *arrays)
    with pytest.raises(ValueError, match="weights of digits-small's card"):
        zoo.load("digits-small", directory)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ValueError, match="of the network on digits-small's card"
    ):
        zoo.load("digits-small", directory)
    with pytest.raises(ValueError, match="isn't of these weights"):
        zoo.save(classifier, _card(classifier, model_digest="other"), directory)


def _without_an_output():
    network = json.loads(networks.tiny_cnn().to_json())
    network["config"]["output_layers"] = [["nowhere", 0, 0]]
    return network


@pytest.mark.parametrize(
    "network",
    [{}, {"class_name": "Functional", "config": {}}, _without_an_output()],
)
def test_a_card_of_no_network_is_refused(kept, network):
    directory, classifier, _ = kept
    write_record(
        _card(classifier, network=network), directory / "digits-small.json"
    )
    with pytest.raises(ValueError, match="of the network on digits-small's"):
        zoo.load("digits-small", directory)


@pytest.mark.parametrize(
    "objective",
    [
        {"class_name": "Unheard", "config": {}},
        {
            "class_name": "Dense",
            "config": {"units": 2},
            "module": "keras.layers",
            "registered_name": None,
        },
        {
            "class_name": "TradesLoss",
            "config": {"other": 2},
            "registered_name": "tfrobust.defenses>TradesLoss",
        },
    ],
)
def test_a_card_of_no_objective_is_refused(kept, objective):
    directory, classifier, _ = kept
    card = _card(classifier, adaptive_objective={"module": None} | objective)
    write_record(card, directory / "digits-small.json")
    with pytest.raises(ValueError, match="digits-small's card holds no objec"):
        zoo.adaptive_objective("digits-small", directory)


def test_weights_that_float16_cant_hold_are_refused(tmp_path):
    classifier = networks.tiny_dense(2, 2)
    classifier.set_weights([w + 7e4 for w in classifier.get_weights()])
    card = _card(
        classifier, model_digest=weights_digest(zoo.rounded(classifier))
    )
    with pytest.raises(ValueError, match="at most 65504"):
        zoo.save(classifier, card, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_answered_with_the_nearest(kept):
    directory, _, _ = kept
    with pytest.raises(ValueError, match="Did you mean 'digits-small'"):
        zoo.load("digit-small", directory)


@pytest.mark.parametrize("name", zoo.names())
def test_what_rides_along_is_whole(name):
    classifier = zoo.load(name)
    assert weights_digest(classifier) == zoo.card(name).model_digest


def test_a_directory_that_is_none_is_not_an_empty_zoo(tmp_path):
    with pytest.raises(ValueError, match="There is no directory"):
        zoo.names(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no directory"):
        zoo.names(tmp_path / "file")
    with pytest.raises(ValueError, match="There is no model's card in"):
        zoo.card("any", tmp_path)


def test_a_card_of_another_name_is_refused(kept):
    directory, _, _ = kept
    card = directory / "digits-small.json"
    (directory / "other.json").write_text(card.read_text())
    with pytest.raises(ValueError, match="no card of a model other"):
        zoo.card("other", directory)
