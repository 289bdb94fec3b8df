"""Flags that name an image set."""

from __future__ import annotations

from typing import Any

from tfrobust import experiments
from tools import cli


class DataFlags:
    """--data, --data_dir, --image_size of a tool.

    Args:
        flag_set: the tool's flags; a group "Data" begins there.
        of_model: whether a zoo's model tells its own where nobody says;
            default False: digits.
    """

    def __init__(
        self, flag_set: cli.FlagSet, *, of_model: bool = False
    ) -> None:
        flag_set.group("Data")
        meaning = "; default digits, of a zoo's model its own"
        self._data = flag_set.string(
            "data",
            None if of_model else "digits",
            "digits, mnist, cifar10, or any TFDS image set"
            + (meaning if of_model else ""),
        )
        self._data_dir = flag_set.string(
            "data_dir", None, "prepared data sets; default $TFDS_DATA_DIR"
        )
        self._image_size = flag_set.size(
            "image_size", "resize images, e.g. 64 or 48x64"
        )

    def settings(self, model: str = "") -> dict[str, Any]:
        """Return the flags as arguments of a configuration.

        Args:
            model: whose data it is where the flags don't say.
        """
        return {
            "data": self._data.value or experiments.usual_data(model),
            "data_dir": self._data_dir.value,
            "image_size": self._image_size.value,
        }
