"""Trained classifiers that ride along, each with a card.

>>> from tfrobust import zoo
>>> all(zoo.card(name).results["clean"] > 90 for name in zoo.names())
True
"""

from __future__ import annotations

import json
import os
import pathlib
import zipfile
import zlib
from typing import Any

import keras
import numpy as np

from tfrobust.arguments import check_choice
from tfrobust.evaluation import weights_digest
from tfrobust.objectives import Objective
from tfrobust.records import CardRecord
from tfrobust.records import read_record
from tfrobust.records import whole_file
from tfrobust.records import write_record

# What reading damaged weights, and another's network, raises.
_DAMAGE = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_OWN = pathlib.Path(__file__).parent / "models"
Directory = str | os.PathLike[str] | None


def names(directory: Directory = None) -> list[str]:
    """Return the names of the models.

    Args:
        directory: where they are; default those that ride along.
    """
    place = _place(directory)
    if not place.is_dir():
        raise ValueError(f"There is no directory {place}.")
    return sorted(path.stem for path in place.glob("[!.]*.json"))


def card(name: str, directory: Directory = None) -> CardRecord:
    """Return what is known of a model: its training, results and digest.

    Args:
        name: one of `names(directory)`.
        directory: where it is; default those that ride along.

    Raises:
        ValueError: for an unknown name (with the nearest).
    """
    place, known = _place(directory), names(directory)
    if not known:
        raise ValueError(f"There is no model's card in {place}.")
    check_choice("name", name, tuple(known))
    path = place / f"{name}.json"
    record = read_record(path)
    if not isinstance(record, CardRecord) or record.name != name:
        raise ValueError(f"{path} is no card of a model {name}.")
    return record


def load(name: str, directory: Directory = None) -> keras.Model:
    """Return a trained classifier, from images in [0, 1] to logits.

    Args:
        name: one of `names(directory)`.
        directory: where it is; default those that ride along.

    Raises:
        ValueError: for an unknown name (with the nearest), or weights that
            are not those of the card.
    """
    found = card(name, directory)
    path = _place(directory) / f"{name}.npz"
    try:
        classifier = keras.models.model_from_json(json.dumps(found.network))
        with np.load(path) as file:
            stored = [file[f"arr_{k}"] for k in range(len(file.files))]
        classifier.set_weights([w.astype("float32") for w in stored])
    except _DAMAGE as error:
        raise ValueError(
            f"{path} doesn't hold weights of the network on {name}'s card."
        ) from error
    if weights_digest(classifier) != found.model_digest:
        raise ValueError(f"{path} doesn't hold the weights of {name}'s card.")
    return classifier


def adaptive_objective(
    name: str, directory: Directory = None
) -> Objective | None:
    """Return what an attack that knows a model's defense climbs.

    Args:
        name: one of `names(directory)`.
        directory: where it is; default those that ride along.

    Returns:
        Of its card, `None` where that doesn't know.

    Raises:
        ValueError: for an unknown name (with the nearest), or a card that
            holds something else there.
    """
    kept = card(name, directory).adaptive_objective
    if kept is None:
        return None
    try:
        found = keras.saving.deserialize_keras_object(kept)
    except _DAMAGE as error:
        raise ValueError(_no_objective(name)) from error
    if not isinstance(found, Objective):
        raise ValueError(_no_objective(name))
    return found


def _no_objective(name: str) -> str:
    return f"{name}'s card holds no objective that can be climbed."


def rounded(classifier: keras.Model) -> keras.Model:
    """Return a copy in float32 whose weights are what float16 keeps of them.

    Of a classifier that was trained in a mixed policy, too.
    """
    network = _in_float32(json.loads(classifier.to_json()))
    copy = keras.models.model_from_json(json.dumps(network))
    with np.errstate(over="ignore"):  # `save` refuses what is infinite then
        halves = [w.astype("float16") for w in classifier.get_weights()]
    copy.set_weights([w.astype("float32") for w in halves])
    return copy


def save(
    classifier: keras.Model, record: CardRecord, directory: Directory = None
) -> None:
    """Write a classifier's weights, as float16, and its card.

    Args:
        classifier: `rounded`, or what it holds wouldn't be what is loaded.
        record: the card.
        directory: default with those that ride along.

    Raises:
        ValueError: for weights that float16 can't hold, or another card's.
    """
    kept = rounded(classifier)
    if weights_digest(kept) != record.model_digest:
        raise ValueError("The card isn't of these weights as float16.")
    if not all(np.isfinite(w).all() for w in kept.get_weights()):
        raise ValueError("Weights must be finite as float16, at most 65504.")
    place = _place(directory)
    place.mkdir(parents=True, exist_ok=True)
    stored = [w.astype("float16") for w in classifier.get_weights()]
    with whole_file(place / f"{record.name}.npz") as part:
        np.savez_compressed(part, *stored)
    write_record(record, place / f"{record.name}.json")


def _in_float32(config: Any) -> Any:
    """Return a Keras configuration whose layers compute in float32."""
    if isinstance(config, list):
        return [_in_float32(part) for part in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": "float32"}}
    return {key: _in_float32(part) for key, part in config.items()}


def _place(directory: Directory) -> pathlib.Path:
    place = _OWN if directory is None else pathlib.Path(directory)
    if place.exists() and not place.is_dir():
        raise ValueError(f"{place} is no directory.")
    return place
