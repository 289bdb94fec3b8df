"""Prepare an image set of tensorflow-datasets."""

from __future__ import annotations

import pathlib
from typing import Any

from tfrobust.recipes.data import check_known


def prepare(name: str, data_dir: str | pathlib.Path) -> pathlib.Path:
    """Download and prepare a set; return its directory.

    A set that is there already is left as it is; one that could not be
    finished leaves nothing, for tensorflow-datasets works in a directory of
    another name.

    Args:
        name: as tensorflow-datasets spells it.
        data_dir: where prepared sets go.

    Raises:
        ValueError: for an unknown set, or where it could not be downloaded.
    """
    if name.split("/")[0] == "digits":
        raise ValueError("`digits` comes with scikit-learn, prepared.")
    check_known(name)
    builder = make_builder(name, pathlib.Path(data_dir).expanduser())
    try:
        builder.download_and_prepare()
    except Exception as error:  # networks and archives raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"`{name}` could not be prepared: {reason[:200]}"
        ) from error
    return pathlib.Path(builder.data_dir)


def make_builder(name: str, data_dir: pathlib.Path) -> Any:
    """Return the builder that tensorflow-datasets has for a set."""
    import tensorflow_datasets as tfds

    return tfds.builder(name, data_dir=str(data_dir))
