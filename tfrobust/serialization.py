"""Objects that Keras can save: every argument stands under its own name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np


def deserialize_config(config: dict[str, Any]) -> dict[str, Any]:
    """Turn the serialized objects of a config back into objects."""
    return {
        name: keras.saving.deserialize_keras_object(value)
        for name, value in config.items()
    }


class Configurable:
    """Base of the frozen dataclasses that describe a computation.

    Equality, hash and `repr` come from the dataclass, so two objects with
    the same settings are the same key of a cache. What is no dataclass
    defines them itself, and `get_config` and `description`.
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, serialized by Keras."""
        return {
            field.name: keras.saving.serialize_keras_object(
                getattr(self, field.name)
            )
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }

    def description(self) -> dict[str, Any]:
        """Return the arguments as plain JSON data, for people to read."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {"name": type(self).__name__} | {
            field.name: describe(getattr(self, field.name)) for field in fields
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build the object that `get_config` described."""
        return cls(**deserialize_config(config))


def describe(value: Any) -> Any:
    """Return `value` as plain JSON data, an object as {"name": class, ...}."""
    if isinstance(value, Configurable):
        return value.description()
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, keras.layers.Layer | keras.losses.Loss):
        return {"name": type(value).__name__}
    if isinstance(value, float) and value == math.inf:
        return "inf"  # JSON has no infinity
    if isinstance(value, np.generic):
        return describe(value.item())
    if callable(value):
        return {"name": getattr(value, "__qualname__", type(value).__name__)}
    return value
