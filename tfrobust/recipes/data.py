"""Names of image sets, and what is usual for them."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from tfrobust import data
from tfrobust.ops.norms import Norm

DEFAULT_DATA_DIR = "~/tensorflow_datasets"


@dataclasses.dataclass(frozen=True)
class DataDefaults:
    """What a run takes where nothing else is asked for.

    Attributes:
        architecture: a network that fits the images.
        epsilon: the usual l-infinity radius, in input units.
    """

    architecture: str
    epsilon: float


# digits: ours. The others: Madry et al., 2018.
DEFAULTS = {
    "digits": DataDefaults("digits_cnn", 0.15),
    "mnist": DataDefaults("small_cnn", 0.3),
    "cifar10": DataDefaults("nine_layer_cnn", 8 / 255),
}
_OTHER = DataDefaults("nine_layer_cnn", 8 / 255)


def data_defaults(name: str) -> DataDefaults:
    """Return a set's defaults; CIFAR-10's for one that has none."""
    return DEFAULTS.get(name, _OTHER)


def load_data(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] | None = None,
) -> data.ImageData:
    """Return an image set by name.

    Args:
        name: "digits", or any image set of tensorflow-datasets.
        data_dir: where prepared sets are; default `TFDS_DATA_DIR`, else
            ~/tensorflow_datasets.
        image_size: (height, width) to resize to; default as they are.

    Raises:
        ValueError: for a set that is missing or corrupt (naming the command
            that prepares it), or unknown.
    """
    if name == "digits":
        if image_size is not None:
            raise ValueError(
                "`digits` are 8x8 and are not resized. "
                f"Received: image_size={image_size}"
            )
        return data.load_digits()
    directory = pathlib.Path(
        data_dir or os.environ.get("TFDS_DATA_DIR", DEFAULT_DATA_DIR)
    ).expanduser()
    if not (directory / name).is_dir():
        check_known(name)
    return data.load_tfds(name, directory, image_size=image_size)


def check_known(name: str) -> None:
    """Raise with the nearest name where a set is not even on the list."""
    import difflib

    import tensorflow_datasets as tfds

    known = ["digits", *tfds.list_builders(with_community_datasets=False)]
    if name.split("/")[0] in known:
        return
    near = difflib.get_close_matches(name, known, 3)
    raise ValueError(
        "`data` must be digits or an image set of tensorflow-datasets (such "
        f"as {', '.join(sorted(DEFAULTS))})."
        + (f" Did you mean {' or '.join(near)}?" if near else "")
        + f" Received: data={name!r}"
    )


def check_radius_is_given(norm: Norm, epsilon: Any) -> None:
    """Raise `ValueError` where the usual radius would be of another norm."""
    if norm != "inf" and epsilon is None:
        raise ValueError(
            "`epsilon` must be given with another norm than inf, which the "
            f"data's usual radius is of. Received: norm={norm}, epsilon=None"
        )
