"""Run directories -> one report: a page, Markdown and CSV."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
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
    say: Callable[[str], None] = print,
) -> Shelf:
    """Write a report of every record below some directories.

    Args:
        runs: directories, or single record files.
        out: the page, ending in `.html`; the tables go beside it, as `.md`
            and `.csv`. What is there is replaced.
        title: of the page.
        say: is told what a person should know; default `print`.

    Returns:
        What was found.

    Raises:
        ValueError: for a path that isn't there or another ending.
        OSError: where nothing can be written.
    """
    out = pathlib.Path(out)
    if out.suffix != ".html":
        raise ValueError(f"`out` must end in .html. Received: out={out}")
    shelf = collect(runs)
    run_directory.check_writable(out.parent)
    out.parent.mkdir(parents=True, exist_ok=True)
    texts = {
        ".csv": reports.csv_report(shelf),
        ".md": reports.markdown_report(shelf, title),
        ".html": reports.html_report(shelf, title),
    }
    for suffix, text in texts.items():
        _write(out.with_suffix(suffix), text)
    for problem in shelf.problems:
        say(f"warning: {problem}")
    plural = "" if len(shelf.records) == 1 else "s"
    found = f"{len(shelf.records)} record{plural}"
    say(f"{found}: {out}, beside it .md and .csv")
    return shelf


def collect(runs: Sequence[str | pathlib.Path]) -> Shelf:
    """Return every record below some directories; what can't be read, too.

    Raises:
        ValueError: for a path that isn't there, or no path.
    """
    if not runs:
        raise ValueError("`runs` must name at least one directory.")
    records: dict[str, Any] = {}
    problems: list[str] = []
    for run in map(pathlib.Path, runs):
        if not run.exists():
            raise ValueError(f"There is no run at {run}.")
        paths = sorted(run.rglob("*.json")) if run.is_dir() else [run]
        before = len(records) + len(problems)
        for path in filter(_is_record, paths):
            try:
                records[str(path)] = read_record(path)
            except ValueError as error:
                problems.append(str(error))
        problems += _unfinished(run)
        if len(records) + len(problems) == before:
            problems.append(f"{run} holds no record.")
    problems = list(dict.fromkeys(problems))
    return Shelf(tuple(records.items()), tuple(problems))


def _is_record(path: pathlib.Path) -> bool:
    """Say whether a file is a record, or was to be one and is torn."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return True
    return isinstance(data, dict) and "kind" in data


def _unfinished(run: pathlib.Path) -> Iterator[str]:
    """Yield the runs that were begun and have no result yet."""
    configs = sorted(run.rglob("config.json")) if run.is_dir() else []
    for config in configs:
        others = config.parent.glob("*.json")
        if not any(_is_record(p) for p in others):
            yield f"{config.parent} was begun and has no result."


def _write(path: pathlib.Path, text: str) -> None:
    """Write a file under a temporary name first."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)
