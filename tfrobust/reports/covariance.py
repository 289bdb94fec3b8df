"""Covariances and accuracy under correlated noise, as tables and pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from tfrobust.records.covariance import CovarianceRecord
from tfrobust.records.covariance import NoiseRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import LINES
from tfrobust.reports.figures import MARKERS
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure
from tfrobust.reports.tables import Rows

_ACROSS = 3  # panels in a row


def covariance_rows(record: CovarianceRecord) -> Rows:
    """Return header and rows: a source and pair of channels each.

    The root mean square is of an entry over all channels; K at 0 and at 1
    pixel is the profile's. A dash: the profile never falls to 1 / e.
    """
    rows = [
        [
            "covariance of",
            "channels",
            "vectors",
            "root mean square",
            "K at 0",
            "K near 1 pixel",
            "decay length, pixels",
            "by pairs, pixels",
        ]
    ]
    channels = range(record.image_shape[2])
    for name, profile in record.profile.items():
        for c, d in ((c, d) for c in channels for d in channels if c <= d):
            rows.append(
                [
                    name,
                    f"{c}, {d}",
                    str(record.counts[name]),
                    f"{math.sqrt(record.scale[name]):.4g}",
                    *(f"{value:.3f}" for value in [*profile[c][d], 0.0][:2]),
                    _pixels(record.decay_length[name][c][d]),
                    _pixels(record.pair_decay_length[name][c][d]),
                ]
            )
    return rows


def noise_rows(record: NoiseRecord) -> Rows:
    """Return header and rows: a decay length each, a column per radius.

    Accuracies in percent.
    """
    radii = [f"l{record.norm} {epsilon:g}" for epsilon in record.epsilons]
    rows = [["decay length, pixels", "clean", *radii]]
    clean = f"{100 * record.clean_accuracy:.1f}"
    for zeta, row in zip(record.decay_lengths, record.accuracy, strict=True):
        cells = (f"{100 * accuracy:.1f}" for accuracy in row)
        rows.append([f"{zeta:g}", clean, *cells])
    return rows


def plot_covariance(
    records: Sequence[CovarianceRecord],
    path: str | os.PathLike[str],
    *,
    channels: tuple[int, int] = (0, 0),
) -> None:
    """Draw profiles and covariance functions of two channels, as PNG.

    To the left K against distance, a line per source, its decay length
    marked; then K itself, a picture per source, displacement zero in the
    middle.

    Args:
        records: of models; a row each.
        path: of the picture.
        channels: whose K is drawn; default the first with itself.
    """
    most = max(len(record.profile) for record in records)
    size = (5.2 + 2.3 * most, 3.6 * len(records))
    figure = new_figure(*size)
    panels = figure.subplots(
        len(records), 1 + most, squeeze=False, width_ratios=[2.2] + [1] * most
    )
    for row, record in zip(panels, records, strict=True):
        _draw_profiles(row[0], record, channels)
        for axes in row[1 + len(record.profile) :]:
            axes.set_axis_off()
        shown = row[1 : 1 + len(record.profile)]
        drawn = _draw_functions(shown, record, channels)
        figure.colorbar(drawn, ax=list(row[1:]), label="K", shrink=0.7)
    save_figure(figure, path)


def plot_noise(
    records: Sequence[NoiseRecord], path: str | os.PathLike[str]
) -> None:
    """Draw accuracy against decay length, a line per radius, as PNG.

    Args:
        records: of models on one image set; a panel each.
        path: of the picture.
    """
    across = min(len(records), _ACROSS)
    down = -(-len(records) // across)
    figure = new_figure(5.0 * across, 4.2 * down)
    # One axis for all, as long as the numbers: noise costs a point or two.
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for axes in panels[len(records) :]:
        axes.set_axis_off()
    for axes, record in zip(panels, records, strict=False):
        clean = 100 * record.clean_accuracy
        axes.axhline(clean, color="0.5", linestyle=":", label="no noise")
        for index, epsilon in enumerate(record.epsilons):
            axes.plot(
                record.decay_lengths,
                [100 * row[index] for row in record.accuracy],
                color=COLOURS[index % len(COLOURS)],
                linestyle=LINES[index % len(LINES)],
                marker=MARKERS[index % len(MARKERS)],
                markersize=4,
                label=f"l{record.norm} radius {epsilon:g}, pixels in [0, 1]",
            )
        axes.set_xlabel("decay length of the noise, pixels")
        axes.grid(alpha=0.3)
        axes.set_title(
            f"{record.model}\n{record.num_examples} images of {record.data}, "
            f"worst of {record.num_draws} draws",
            fontsize=9,
        )
    for row in grid:
        row[0].set_ylabel("accuracy, %")
    panels[0].legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def _draw_profiles(
    axes: Any, record: CovarianceRecord, channels: tuple[int, int]
) -> None:
    first, second = channels
    for index, (name, profiles) in enumerate(record.profile.items()):
        profile = profiles[first][second]
        decay = record.decay_length[name][first][second]
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(
            range(len(profile)),
            profile,
            color=colour,
            linestyle=LINES[index % len(LINES)],
            label=f"{name}: decay length {_pixels(decay)} pixels",
        )
        if decay is not None:
            marker = MARKERS[index % len(MARKERS)]
            height = profile[0] / math.e
            axes.plot(decay, height, marker, color=colour, fillstyle="none")
    axes.axhline(0.0, color="0.5", linewidth=0.8)
    axes.set_xlabel("distance, pixels")
    axes.set_ylabel(f"K of channels {first} and {second}, normalised")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    axes.set_title(
        f"{record.model}\n{record.num_examples} images of {record.data}",
        fontsize=9,
    )


def _draw_functions(
    panels: Sequence[Any], record: CovarianceRecord, channels: tuple[int, int]
) -> Any:
    """Draw K of each source on one scale of colours; return the last."""
    first, second = channels
    shown = {n: k[first][second] for n, k in record.function.items()}
    sizes = (abs(v) for rows in shown.values() for row in rows for v in row)
    most = max(sizes) or 1.0
    down, right = (side - 0.5 for side in record.image_shape[:2])
    for axes, (name, rows) in zip(panels, shown.items(), strict=True):
        drawn = axes.imshow(
            rows,
            cmap="RdBu",
            vmin=-most,
            vmax=most,
            extent=(-right, right, down, -down),
        )
        axes.set_xlabel("dx, pixels")
        axes.set_title(f"{name}, {record.counts[name]} vectors", fontsize=8)
    panels[0].set_ylabel("dy, pixels")
    return drawn


def _pixels(length: float | None) -> str:
    return "-" if length is None else f"{length:.2f}"
