"""How each kind of analysis is told and drawn."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from tfrobust.records import CurvatureRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import SurfaceRecord
from tfrobust.reports import figures
from tfrobust.reports import tables

Rows = list[list[str]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """An analysis: what it is called, its table and its picture.

    Attributes:
        title: heading.
        meaning: what the picture shows, in a sentence.
        rows: record -> table.
        draw: (records, path) -> picture.
    """

    title: str
    meaning: str
    rows: Callable[[Any], Rows]
    draw: Callable[[Sequence[Any], pathlib.Path], None]


KINDS: dict[type, Kind] = {
    LeakingRecord: Kind(
        "Gradient leaking",
        "How much of the loss gradient and of perturbations lies in the "
        "images' first principal components.",
        tables.leaking_rows,
        figures.plot_gradient_leaking,
    ),
    SurfaceRecord: Kind(
        "Decision surface",
        "The own logit less the largest other on a plane through one image; "
        "the line is where the class changes.",
        tables.surface_rows,
        figures.plot_surfaces,
    ),
    CurvatureRecord: Kind(
        "Jacobian and Hessian",
        "How steep the decision function and how bent the loss is at each "
        "image.",
        tables.curvature_rows,
        figures.plot_curvature,
    ),
    FlatnessRecord: Kind(
        "Local flatness",
        "The largest loss gradient in the ball, and how far the loss rises.",
        tables.flatness_rows,
        figures.plot_flatness,
    ),
}


def told(record: Any) -> Rows:
    """Return the table of a record, or why there is none."""
    try:
        return KINDS[type(record)].rows(record)
    # One odd record must not cost the whole report.
    except Exception as error:
        return [["no table"], [f"{type(error).__name__}: {error}"]]


def caption(records: Sequence[Any]) -> str:
    """Return what is to be seen and where it comes from, from the records.

    Args:
        records: of one kind.
    """
    kind = KINDS[type(records[0])]
    return " ".join([kind.meaning, *map(_origin, records)])


def _origin(record: Any) -> str:
    origin = record.provenance
    parts = [f"weights {record.model_digest[:12]}"]
    parts += [
        f"{name} {origin[name]}"
        for name in ("seed", "revision", "tensorflow")
        if name in origin
    ]
    return f"{record.model} ({', '.join(parts)})."
