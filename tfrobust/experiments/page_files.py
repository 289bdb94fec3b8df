"""Markdown pages of results, as files."""

from __future__ import annotations

import pathlib

from tfrobust.records import whole_file

# What every page says of itself.
_OURS = "Written by `python -m tools."


def check_page(path: str | pathlib.Path) -> None:
    """Raise `ValueError` for what no page can be written to.

    A file that no tool wrote is a person's own, and stays.
    """
    path = pathlib.Path(path)
    if not path.absolute().parent.is_dir():
        raise ValueError(f"There is no directory for the page {path}.")
    if path.suffix != ".md" or path.is_dir():
        raise ValueError(
            f"`page` must be a Markdown file, NAME.md. Received: page={path}"
        )
    if path.is_file() and _OURS not in path.read_text(errors="replace"):
        raise ValueError(
            f"{path} isn't a page of these tools, so it is not replaced; "
            "choose another name."
        )


def write_text(path: str | pathlib.Path, text: str) -> None:
    """Write a page, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text)
