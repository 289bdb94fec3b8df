"""Names of networks."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from tfrobust import architectures
from tfrobust.recipes.arguments import accepted
from tfrobust.recipes.arguments import pick

ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    name: getattr(architectures, name) for name in architectures.__all__
}


def check_architecture(name: str) -> None:
    """Raise `ValueError` for an unknown network, naming the nearest."""
    pick("architecture", name, ARCHITECTURES)


def check_standardizes(name: str) -> None:
    """Raise `ValueError` unless a network takes `mean` and `variance`."""
    able = _with_option("mean")
    check_architecture(name)
    if name not in able:
        raise ValueError(
            f"`{name}` can't standardize its images; {', '.join(able)} can. "
            "Received: standardize=True"
        )


def _with_option(option: str) -> list[str]:
    return [n for n, m in ARCHITECTURES.items() if option in accepted(m)]


def make_architecture(
    name: str,
    input_shape: Sequence[int],
    num_classes: int,
    *,
    activation: str = "relu",
    **options: Any,
) -> keras.Model:
    """Return a freshly initialised network by name.

    Args:
        name: a key of `ARCHITECTURES`.
        input_shape: (height, width, channels) or (D,).
        num_classes: at least 2.
        activation: a Keras activation; default "relu".
        **options: depth, width, dropout, mean, variance, for a network that
            has them; what is `None` is left to the network.

    Raises:
        ValueError: for an unknown name (with the nearest), an option that
            the network has not, or images too small for it.
    """
    make = pick("architecture", name, ARCHITECTURES)
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise ValueError(
            "`activation` must be one that Keras knows. "
            f"Received: activation={activation!r}"
        ) from error
    given = {k: v for k, v in options.items() if v is not None}
    for option, value in given.items():
        if option not in accepted(make):
            raise ValueError(
                f"`{name}` has no {option}; {', '.join(_with_option(option))} "
                "have one. "
                f"Received: {option}={value!r}"
            )
    shape = tuple(input_shape)
    try:
        return make(shape, num_classes, activation=activation, **given)
    except ValueError as error:
        raise ValueError(
            f"`{name}` can't be made for images of shape {shape}: "
            f"{str(error).splitlines()[0]}"
        ) from error
