"""The two toys and a planted feature, told and drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tfrobust.records.toys import PoisoningRecord
from tfrobust.records.toys import ToyRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import MARKERS
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure
from tfrobust.reports.tables import percent

Rows = list[list[str]]
_CERTAIN = 10.0
"""Colours of a toy end at this difference of logits: e^-10 is left."""


def toy_rows(records: Sequence[ToyRecord]) -> Rows:
    """Return header and rows: a training each."""
    rows = [
        [
            "toy",
            "noise along the normal",
            "accuracy %",
            "gradient in the tangent space %",
            "in all components but the last %",
            "wrong a height off the manifold %",
        ]
    ]
    for record in records:
        shares = (
            record.accuracy,
            record.mean_tangent_share,
            record.principal_shares[-2],
            record.normal_flip_share,
        )
        noise = f"{record.normal_noise:.3g}"
        rows.append([record.data, noise, *map(percent, shares)])
    return rows


def plot_toy(
    records: Sequence[ToyRecord], path: str | os.PathLike[str]
) -> None:
    """Draw decision surfaces of toys as PNG, a panel for each training.

    Arrows show where the loss rises, not how fast; the axes have one scale,
    so right angles are right.

    Args:
        records: of trainings.
        path: of the picture.
    """
    wide = max(r.horizontal[-1] - r.horizontal[0] for r in records)
    high = max(r.vertical[-1] - r.vertical[0] for r in records)
    figure = new_figure(5.0 * len(records) + 0.9, 1.6 + 4.2 * high / wide)
    panels = figure.subplots(1, len(records), squeeze=False)[0]
    levels = [_CERTAIN * k / 10 for k in range(-10, 11)]
    for axes, record in zip(panels, records, strict=True):
        grid = record.horizontal, record.vertical, record.decision
        drawn = axes.contourf(
            *grid, levels=levels, cmap="RdBu", alpha=0.6, extend="both"
        )
        axes.contour(*grid, levels=[0.0], colors="k", linewidths=1.5)
        axes.plot(
            *zip(*record.manifold, strict=True), color="0.4", label="manifold"
        )
        axes.axhline(
            record.threshold, color="0.4", linestyle=":", label="flat boundary"
        )
        _draw_points(axes, record)
        axes.set_aspect("equal")
        axes.set_xlabel(f"{record.axes[0]}, input units")
        axes.set_ylabel(f"{record.axes[1]}, input units")
        axes.set_title(
            f"{record.data}, noise along the normal {record.normal_noise:.3g}\n"
            f"{percent(record.mean_tangent_share)} % of the gradient in the "
            f"tangent space, accuracy {percent(record.accuracy)} %",
            fontsize=8,
        )
    panels[0].legend(fontsize=6, loc="upper center", ncols=4)
    bar = figure.colorbar(drawn, ax=list(panels))
    bar.set_label("logit of class 1 less\nthat of class 0", fontsize=8)
    save_figure(figure, path)


def poisoning_rows(record: PoisoningRecord) -> Rows:
    """Return header and rows: the model without, then each amplitude."""
    rows = [
        [
            f"signal along v_{record.component}",
            "over the images' deviation",
            "accuracy %",
            "with its class's signal %",
            "follows another's signal %",
            "so does the model without %",
            "gradient along v %",
        ]
    ]
    clean = percent(record.clean_accuracy)
    share = percent(record.clean_gradient_share)
    rows.append(["none", "0", clean, "-", "-", "-", share])
    columns = (
        record.accuracy,
        record.own_accuracy,
        record.follow_shares,
        record.clean_follow_shares,
        record.gradient_shares,
    )
    for amplitude, *shares in zip(record.amplitudes, *columns, strict=True):
        deviation = record.standard_deviation
        ratio = f"{amplitude / deviation:.3g}" if deviation else "-"
        rows.append([f"{amplitude:.3g}", ratio, *map(percent, shares)])
    return rows


def plot_poisoning(
    records: Sequence[PoisoningRecord], path: str | os.PathLike[str]
) -> None:
    """Draw what follows the signal and the gradient along it, as PNG.

    Args:
        records: of components or models; a colour each.
        path: of the picture.
    """
    figure = new_figure(9.6, 4.2)
    left, right = figure.subplots(1, 2)
    for index, record in enumerate(records):
        style: dict[str, Any] = {
            "color": COLOURS[index % len(COLOURS)],
            "marker": MARKERS[index % len(MARKERS)],
            "markersize": 4,
        }
        name = f"{record.model}, v_{record.component}"
        at = record.amplitudes
        for values, line, what in (
            (record.follow_shares, "-", "trained with it"),
            (record.clean_follow_shares, ":", "without"),
        ):
            shares = [100 * share for share in values]
            left.plot(at, shares, line, label=f"{name}, {what}", **style)
        shares = [record.clean_gradient_share, *record.gradient_shares]
        right.plot(
            [0.0, *at], [100 * s for s in shares], "-", label=name, **style
        )
    left.set_ylabel("follow another class's signal, %")
    right.set_ylabel("squared gradient along it, %")
    for axes in (left, right):
        axes.set_xlabel("l2 length of the signal, pixels in [0, 1]")
        axes.set_ylim(-2, 102)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle(
        f"{records[0].num_examples} images of {records[0].data}", fontsize=10
    )
    save_figure(figure, path)


def _draw_points(axes: Any, record: ToyRecord) -> None:
    """Draw test points by class, and the way up the loss at each."""
    for label in (0, 1):
        chosen = [
            place
            for place, y in zip(record.points, record.labels, strict=True)
            if y == label
        ]
        axes.plot(
            [p[0] for p in chosen],
            [p[1] for p in chosen],
            linestyle="",
            color=COLOURS[1 - label],
            marker=MARKERS[label],
            markersize=4,
            label=f"class {label}",
        )
    lengths = [(a * a + b * b) ** 0.5 for a, b in record.gradients]
    arrows = [
        (a / size, b / size) if size else (0.0, 0.0)
        for (a, b), size in zip(record.gradients, lengths, strict=True)
    ]
    axes.quiver(
        [p[0] for p in record.points],
        [p[1] for p in record.points],
        [a for a, _ in arrows],
        [b for _, b in arrows],
        angles="xy",
        scale=18.0,
        width=0.004,
    )
