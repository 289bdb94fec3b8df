"""Flags that name an image set."""

from __future__ import annotations

from typing import Any

from tools import cli


class DataFlags:
    """--data, --data_dir, --image_size of a tool.

    Args:
        flag_set: the tool's flags; a group "Data" begins there.
        default: what --data is where nobody says; default digits.
        meaning: added to its help; default nothing.
    """

    def __init__(
        self,
        flag_set: cli.FlagSet,
        default: str | None = "digits",
        meaning: str = "",
    ) -> None:
        flag_set.group("Data")
        self._data = flag_set.string(
            "data",
            default,
            f"digits, mnist, cifar10, or any TFDS image set{meaning}",
        )
        self._data_dir = flag_set.string(
            "data_dir", None, "prepared data sets; default $TFDS_DATA_DIR"
        )
        self._image_size = flag_set.size(
            "image_size", "resize images, e.g. 64 or 48x64"
        )

    @property
    def name(self) -> str | None:
        """The data set asked for."""
        return self._data.value

    def settings(self) -> dict[str, Any]:
        """Return the flags as arguments of a configuration."""
        return {
            "data": self.name,
            "data_dir": self._data_dir.value,
            "image_size": self._image_size.value,
        }
