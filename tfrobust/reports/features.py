"""Records of features as tables and pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tfrobust.records.features import FeatureRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure

_CLEAN = "clean"
# The rest of Okabe and Ito's colours and two of Tol's: ten classes.
_COLOURS = (*COLOURS, "#F0E442", "#000000", "#882255", "#999999")


def feature_rows(record: FeatureRecord) -> list[list[str]]:
    """Return header and rows: clean points, then each attack's.

    Accuracy and match rates in percent, the second rate of wrongly predicted
    points alone; mean and standard deviation of the cosine to the predicted
    class's centre.
    """
    header = ["points", "accuracy", "match rate", "of wrong points"]
    rows = [[*header, "cosine to the centre", "deviation"]]
    cosines = record.cosine_statistics or {}
    for name in (_CLEAN, *(n for n in record.predictions if n != _CLEAN)):
        wrong = record.wrong_match_rates[name]
        numbers = cosines.get(name)
        rows.append(
            [
                name,
                f"{100 * record.accuracy[name]:.1f}",
                f"{100 * record.match_rates[name]:.1f}",
                "-" if wrong is None else f"{100 * wrong:.1f}",
                *(f"{value:.3f}" for value in numbers or ()),
                *(() if numbers else ("-", "-")),
            ]
        )
    return rows


def plot_features(
    records: Sequence[FeatureRecord], path: str | os.PathLike[str]
) -> None:
    """Draw embedded features as PNG, a row for each model and attack.

    Clean points are dots, coloured by predicted class; adversarial points
    are triangles, coloured on the left by label, on the right by predicted
    class. From the eleventh class on colours repeat.

    Args:
        records: of models.
        path: of the picture.
    """
    drawn = [(r, attack) for r in records for attack in r.clean_embedding]
    size = (9.6, 4.6 * len(drawn))
    figure = new_figure(*size)
    panels = figure.subplots(len(drawn), 2, squeeze=False)
    for row, (record, attack) in zip(panels, drawn, strict=True):
        colourings = {
            "label": record.labels,
            "predicted class": record.predictions[attack],
        }
        for axes, (what, classes) in zip(row, colourings.items(), strict=True):
            _draw_points(axes, record, attack, classes)
            axes.set_title(
                f"{record.model}: {attack}, triangles by {what}\n"
                f"{len(record.clean_embedding[attack])} images of "
                f"{record.data}, match rate "
                f"{100 * record.match_rates[attack]:.1f} %",
                fontsize=9,
            )
    figure.legend(
        handles=_legend(records), loc="outside right center", fontsize=8
    )
    save_figure(figure, path)


def _draw_points(
    axes: Any, record: FeatureRecord, attack: str, classes: Sequence[int]
) -> None:
    """Draw one attack's points in the colours of `classes`."""
    # Only the first images are embedded: zip ends with them.
    layers = (
        ("o", record.clean_embedding[attack], record.predictions[_CLEAN]),
        ("^", record.adversarial_embedding[attack], classes),
    )
    for marker, places, colours in layers:
        axes.scatter(
            *zip(*places, strict=True),
            c=[_colour(k) for k, _ in zip(colours, places, strict=False)],
            marker=marker,
            s=14 if marker == "o" else 22,
            alpha=0.7,
            linewidths=0,
        )
    axes.set_xlabel("first t-SNE coordinate, no unit")
    axes.set_ylabel("second t-SNE coordinate, no unit")


def _legend(records: Sequence[FeatureRecord]) -> list[Any]:
    """Return what dots, triangles and colours mean."""
    from matplotlib.lines import Line2D

    classes = sorted(
        {k for r in records for k in r.labels}
        | {k for r in records for p in r.predictions.values() for k in p}
    )
    most = len(_COLOURS)
    entries = [("clean", "0.4", "o"), ("adversarial", "0.4", "^")]
    for first in sorted({k % most for k in classes}):
        same = [str(k) for k in classes if k % most == first]
        label = ", ".join(same[:2] + ["..."] * (len(same) > 2))
        entries.append((f"class {label}", _colour(first), "s"))
    return [
        Line2D([], [], linestyle="", color=colour, marker=marker, label=label)
        for label, colour, marker in entries
    ]


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
