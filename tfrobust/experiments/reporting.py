"""Run directories -> one report: a page, Markdown and CSV."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from tfrobust import reports
from tfrobust.experiments import run_directory
from tfrobust.records import read_record
from tfrobust.reports import Shelf


def report(
    runs: Sequence[str | pathlib.Path],
    out: str | pathlib.Path,
    *,
    title: str = "Robustness report",
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Shelf:
    """Write a report of every record below some directories.

    Args:
        runs: directories, or single record files.
        out: the page, ending in `.html`; the tables go beside it, as `.md`
            and `.csv`. A report that is there is replaced.
        title: of the page.
        overwrite: replace other files too.
        say: is told what a person should know; default `print`.

    Returns:
        What was found.

    Raises:
        ValueError: for a path that isn't there, another ending, or files
            there that are no report.
        OSError: where nothing can be written.
    """
    out = pathlib.Path(out)
    if out.suffix != ".html":
        raise ValueError(f"`out` must end in .html. Received: out={out}")
    paths = [out.with_suffix(s) for s in (".csv", ".md", ".html")]
    _check_replaceable(paths, overwrite=overwrite)
    shelf = collect(runs)
    run_directory.check_writable(out.parent)
    out.parent.mkdir(parents=True, exist_ok=True)
    csv, markdown, page = (
        reports.csv_report(shelf),
        reports.markdown_report(shelf, title),
        reports.html_report(shelf, title),
    )
    _write(dict(zip(paths, (csv, markdown, page), strict=True)))
    for problem in shelf.problems:
        say(f"warning: {problem}")
    plural = "" if len(shelf.records) == 1 else "s"
    found = f"{len(shelf.records)} record{plural}"
    say(f"{found}: {out}, beside it .md and .csv")
    return shelf


def _check_replaceable(
    paths: Sequence[pathlib.Path], *, overwrite: bool
) -> None:
    """Raise `ValueError` where a user's own file would be lost.

    A page of ours has its tables beside it; without one nothing is ours.
    """
    page = paths[-1]
    ours = page.is_file() and reports.is_page(page)
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{path} is a directory; choose another `out`.")
        if path.exists() and not (ours or overwrite):
            raise ValueError(
                f"{path} is there and {page} is no report of tfrobust; choose "
                "another `out`, or pass --overwrite to replace the file."
            )


def collect(runs: Sequence[str | pathlib.Path]) -> Shelf:
    """Return every record below some directories; what can't be read, too.

    Raises:
        ValueError: for a path that isn't there, or no path.
    """
    if isinstance(runs, str | pathlib.Path):
        runs = [runs]
    if not runs:
        raise ValueError("`runs` must name at least one directory.")
    records: dict[pathlib.Path, tuple[str, Any]] = {}
    problems: list[str] = []
    for run in map(pathlib.Path, runs):
        if not run.exists():
            raise ValueError(f"There is no run at {run}.")
        paths = _json_files(run, problems) if run.is_dir() else [run]
        found = [path for path in paths if _is_record(path)]
        for path in found:
            try:
                records[path.resolve()] = str(path), read_record(path)
            except ValueError as error:
                problems.append(str(error))
        unfinished = list(_unfinished(run))
        problems += unfinished
        if not found and not unfinished:
            problems.append(f"{run} holds no record.")
    found_in = _short(where for where, _ in records.values())
    models = _short(r.model for _, r in records.values() if _is_of_one(r))
    shown = (
        (
            found_in[where],
            dataclasses.replace(record, model=models[record.model])
            if _is_of_one(record)
            else record,
        )
        for where, record in records.values()
    )
    return Shelf(tuple(shown), tuple(dict.fromkeys(problems)))


def _is_of_one(record: Any) -> bool:
    """Say whether a record is of one model and says of which."""
    return "model" in {field.name for field in dataclasses.fields(record)}


def _short(paths: Iterable[str]) -> dict[str, str]:
    """Return path -> what tells it from the others, a folder at least.

    What is no path stays as it is.
    """
    names = dict.fromkeys(paths)
    folders = [os.path.dirname(os.path.dirname(n)) for n in names if "/" in n]
    absolute = {os.path.isabs(folder) for folder in folders}
    common = os.path.commonpath(folders) if len(absolute) == 1 else ""
    return {
        name: os.path.relpath(name, common) if common and "/" in name else name
        for name in names
    }


def _json_files(run: pathlib.Path, problems: list[str]) -> list[pathlib.Path]:
    """Return the JSON files below a directory; what can't be read, said."""

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename} can't be read: {error.strerror}.")

    return sorted(
        pathlib.Path(folder) / name
        for folder, _, names in os.walk(run, onerror=unreadable)
        for name in names
        if name.endswith(".json")
    )


def _is_record(path: pathlib.Path) -> bool:
    """Say whether a file is a record, or was to be one and is torn."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(data, dict) and "kind" in data


def _unfinished(run: pathlib.Path) -> Iterator[str]:
    """Yield the runs that were begun and have no result yet."""
    configs = sorted(run.rglob("config.json")) if run.is_dir() else []
    for config in configs:
        others = config.parent.glob("*.json")
        if not any(_is_record(p) for p in others):
            yield f"{config.parent} was begun and has no result."


def _write(texts: dict[pathlib.Path, str]) -> None:
    """Write files under temporary names first, all or none."""
    parts = {p: p.with_name(f".{p.name}.part") for p in texts}
    try:
        for path, text in texts.items():
            # A lone surrogate, which JSON may hold, is no character.
            parts[path].write_text(text, "utf-8", "backslashreplace")
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
