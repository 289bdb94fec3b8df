"""Load saved models as classifiers."""

from __future__ import annotations

import hashlib
import json
import pathlib
import textwrap

import keras

from tfrobust import defenses
from tfrobust import zoo
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.classifier import as_classifier
from tfrobust.inputs import head_activation
from tfrobust.objectives import Objective

_ZOO = "zoo:"


def load_model(path: str | pathlib.Path) -> keras.Model:
    """Load a `.keras` file, a model of the zoo or the `.npz` of one.

    Args:
        path: of a file, or "zoo:NAME" for what rides along.

    Raises:
        ValueError: in one line, for a file that is missing or isn't one.
    """
    entry = _zoo_entry(path)
    if entry is not None:
        return zoo.load(*entry)
    path = pathlib.Path(path)
    if path.is_dir():
        raise ValueError(
            f"{path} is a directory; pass a model file in it, such as "
            f"{path / LAST}."
        )
    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    try:
        return keras.models.load_model(path)
    except Exception as error:  # Keras raises many kinds
        text = str(error).strip() or type(error).__name__
        if "register_keras_serializable" in text:
            text = (
                "it has a layer or function of its own; attack it from Python, "
                f"where that is imported. {text}"
            )
        reason = textwrap.shorten(text.splitlines()[0], 300)
        raise ValueError(
            f"{path} is not a Keras model file that can be loaded: {reason}"
        ) from error


def _zoo_entry(
    path: str | pathlib.Path,
) -> tuple[str, pathlib.Path | None] | None:
    """Return name and directory of a model of a zoo, or `None`.

    Raises:
        ValueError: for an `.npz` that isn't there.
    """
    if str(path).startswith(_ZOO):
        return str(path).removeprefix(_ZOO), None
    path = pathlib.Path(path)
    if path.suffix != ".npz":
        return None
    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    return path.stem, path.parent


def model_identity(path: str | pathlib.Path) -> str:
    """Return a digest of a model's file; of a zoo's, of network and weights.

    Raises:
        OSError: where there is no file.
        ValueError: for a model that its zoo doesn't have.
    """
    entry = _zoo_entry(path)
    if entry is None:
        content = pathlib.Path(path).read_bytes()
    else:
        card = zoo.card(*entry)
        known = [card.network, card.model_digest]
        content = json.dumps(known, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def usual_data(path: str | pathlib.Path) -> str:
    """Return the data set of a zoo's model, of any other model digits."""
    entry = _zoo_entry(path)
    return "digits" if entry is None else zoo.card(*entry).data


def load_classifier(path: str | pathlib.Path) -> keras.Model:
    """Load a model as a classifier from images to logits.

    Of a defense, its classifier; of a functional model with a softmax or
    sigmoid head, `as_classifier` of it.
    """
    return load_attacked(path)[0]


def load_attacked(
    path: str | pathlib.Path,
) -> tuple[keras.Model, Objective | None]:
    """Load a classifier and what an attack that knows its defense climbs.

    That is `None` for a model that says nothing of a defense.
    """
    model = load_model(path)
    entry = _zoo_entry(path)
    if entry is not None:
        return model, zoo.adaptive_objective(*entry)
    shape = getattr(model, "output_shape", None)
    if not isinstance(model, defenses.RobustModel) and (
        not isinstance(shape, tuple) or len(shape) != 2
    ):
        raise ValueError(
            f"{path} must have one output of (batch, num_classes). "
            f"Received: output shape {shape}"
        )
    if isinstance(model, defenses.RobustModel):
        return model.classifier, model.adaptive_objective
    head = head_activation(model)
    one_unit = model.output_shape[-1] == 1
    if head != "linear" or one_unit:
        model = as_classifier(model)
    return model, None
