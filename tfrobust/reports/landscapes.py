"""Landscapes and paths as pictures and tables, from records alone."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from typing import Any

from tfrobust.records import SurfaceRecord
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.records.landscapes import WeightSurfaceRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import LINES
from tfrobust.reports.figures import MARKERS
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure
from tfrobust.reports.tables import Rows


def weight_surface_rows(record: WeightSurfaceRecord) -> Rows:
    """Return header and rows: loss, accuracy, and how the loss bends.

    The bend is the second difference of the loss through the weights; "-"
    where a loss is not finite.
    """
    middle = len(record.coordinates) // 2
    step = record.coordinates[middle + 1] - record.coordinates[middle]
    rows = [["on the plane", "at the weights", "mean", "least", "largest"]]
    percent = [[100 * v for v in row] for row in record.accuracy]
    for name, grid in (("loss", record.loss), ("accuracy %", percent)):
        known = [v for row in grid for v in row if v is not None]
        whole = len(known) == len(grid) ** 2
        numbers = (
            grid[middle][middle],
            statistics.fmean(known) if whole else None,
            min(known, default=None),
            max(known) if whole else None,
        )
        rows.append([name, *map(_number, numbers)])
    lines = [row[middle] for row in record.loss], record.loss[middle]
    for name, line in zip(("first", "second"), lines, strict=True):
        around = line[middle - 1 : middle + 2]
        bend = None
        if None not in around:
            low, own, high = around
            bend = (low - 2 * own + high) / step**2  # type: ignore[operator]
        label = f"bend of the loss, {name} direction"
        rows.append([label, _number(bend), "", "", ""])
    return rows


def curvature_path_rows(record: CurvaturePathRecord) -> Rows:
    """Return header and rows: a place each, means over the images."""
    rows = [["of the way to x_adv", "right %", "loss", "S", "slope", "bend"]]
    tables = record.loss, record.decision, record.slope, record.curvature
    for index, place in enumerate(record.places):
        means = [statistics.fmean(r[index] for r in table) for table in tables]
        right = statistics.fmean(row[index] > 0 for row in record.decision)
        cells = [f"{place:.2f}", f"{100 * right:.1f}"]
        rows.append([*cells, *(f"{mean:.4g}" for mean in means)])
    return rows


def plot_weight_surface(
    records: Sequence[WeightSurfaceRecord], path: str | os.PathLike[str]
) -> None:
    """Draw loss surfaces of weights as PNG: lines of height above, 3D below.

    All on one scale of heights, so that flat and steep can be compared; the
    lines, and the colours everywhere, are spaced by ratio.

    Args:
        records: of models; a column each.
        path: of the picture.
    """
    import numpy as np
    from matplotlib.colors import LogNorm

    figure = new_figure(4.6 * len(records) + 0.8, 8.2)
    count = len(records)
    grids = [np.array(r.loss, dtype="float64") for r in records]
    low, high = (f([f(g) for g in grids]) for f in (np.nanmin, np.nanmax))
    # A loss of zero has no place on a scale of ratios.
    least = max(low, 1e-4 * high, 1e-12)
    high = max(high, 1.001 * least)
    levels = np.geomspace(least, high, 17)
    colours = {"cmap": "viridis", "norm": LogNorm(least, high)}
    for index, (record, grid) in enumerate(zip(records, grids, strict=True)):
        at = record.coordinates
        axes = figure.add_subplot(2, count, index + 1)
        shown = np.maximum(grid.T, least)
        drawn = axes.contourf(at, at, shown, levels=levels, **colours)
        lines = axes.contour(
            at, at, shown, levels=levels[1::2], colors="w", linewidths=0.8
        )
        axes.clabel(lines, fontsize=6, fmt="%.2g")
        axes.plot(0, 0, "o", color=COLOURS[1], markersize=5)
        middle = len(at) // 2
        own = record.accuracy[middle][middle]
        axes.set_title(
            f"{record.model}\n{record.num_examples} images of {record.data}, "
            f"{100 * own:.1f} % right at the weights",
            fontsize=9,
        )
        bar = figure.colorbar(drawn, ax=axes, format="%.2g")
        bar.set_label("mean cross-entropy")
        solid = _solid(figure, (2, count, count + index + 1))
        _draw_solid(solid, at, grid, (low, high), **colours)
        solid.set_zlabel("mean cross-entropy", fontsize=8)
        for panel in (axes, solid):
            panel.set_xlabel("first direction, filter norms", fontsize=8)
            panel.set_ylabel("second direction, filter norms", fontsize=8)
    save_figure(figure, path)


def plot_surface_3d(
    record: SurfaceRecord, path: str | os.PathLike[str]
) -> None:
    """Draw decision function and loss around one image in 3D, as PNG.

    Blue is where the image keeps its class; the line is the boundary, and
    below it its place on the plane. Paths of attacks lie on the surface,
    above the places on the plane that their points are nearest to.

    Args:
        record: of one image.
        path: of the picture.
    """
    import numpy as np

    figure = new_figure(9.6, 4.8)
    decision, loss = np.array(record.decision), np.array(record.loss)
    most = max(float(np.abs(decision).max()), 1e-9)
    panels = (
        (decision, "RdBu", -most, most, "own logit less the largest other"),
        (loss, "viridis", loss.min(), loss.max(), "cross-entropy"),
    )
    at = record.coordinates
    for index, (grid, cmap, low, high, name) in enumerate(panels):
        axes = _solid(figure, (1, 2, index + 1))
        _draw_solid(axes, at, grid, (low, high), cmap=cmap, vmin=low, vmax=high)
        axes.set_xlabel(f"{record.axes[0]}, pixels in [0, 1]", fontsize=8)
        axes.set_ylabel(f"{record.axes[1]}, pixels in [0, 1]", fontsize=8)
        axes.set_zlabel(name, fontsize=8)
        if index == 0 and decision.min() < 0 < decision.max():
            line = {"levels": [0.0], "colors": "k", "linewidths": 1.5}
            axes.contour(at, at, grid.T, zorder=2, **line)
            axes.contour(at, at, grid.T, zorder=0, offset=low, **line)
        _draw_paths(axes, record, grid)
    figure.suptitle(
        f"{record.model}: {record.data}, test image {record.example}, "
        f"class {record.label}",
        fontsize=10,
    )
    save_figure(figure, path)


def plot_curvature_path(
    records: Sequence[CurvaturePathRecord], path: str | os.PathLike[str]
) -> None:
    """Draw loss, S, slope and second derivative along the way, as PNG.

    Args:
        records: of models or attacks; a colour each: means over the images,
            and medians as thin lines.
        path: of the picture.
    """
    figure = new_figure(9.6, 7.2)
    panels = figure.subplots(2, 2, sharex=True).flat
    names = {
        "loss": "cross-entropy",
        "decision": "own logit less the largest other",
        "slope": "first derivative, per l2",
        "curvature": "second derivative, per squared l2",
    }
    for axes, (field, label) in zip(panels, names.items(), strict=True):
        for index, record in enumerate(records):
            columns = list(zip(*getattr(record, field), strict=True))
            colour = COLOURS[index % len(COLOURS)]
            axes.plot(
                record.places,
                [statistics.fmean(column) for column in columns],
                color=colour,
                linestyle=LINES[index % len(LINES)],
                marker=MARKERS[index % len(MARKERS)],
                markersize=4,
                label=_title(record),
            )
            medians = [statistics.median(column) for column in columns]
            axes.plot(record.places, medians, color=colour, linewidth=0.7)
        axes.axhline(0.0, color="0.5", linewidth=0.7)
        axes.set_xlabel("share of the way from x to x_adv")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        if field == "loss":
            axes.legend(frameon=False, fontsize=7)
    first = records[0]
    figure.suptitle(
        f"{first.data}: means (marks) and medians (thin) over the images that "
        "were right at first",
        fontsize=10,
    )
    save_figure(figure, path)


def plot_jacobians(
    record: CurvaturePathRecord, path: str | os.PathLike[str]
) -> None:
    """Draw images, their perturbations and Jacobians of S, as PNG.

    A row per image. The perturbation is magnified to the whole range of
    greys. The Jacobian is summed over channels, by the brightness of a
    pixel, on its own scale of colours around zero: where it is blue a
    brighter pixel speaks for the class.

    Args:
        record: with images.
        path: of the picture.
    """
    import numpy as np

    count = len(record.images)
    if not count:
        raise ValueError("`record` must have images. Received: none")
    figure = new_figure(7.2, 2.3 * count + 0.5)
    panels = figure.subplots(count, 3, squeeze=False)
    rows = zip(record.images, record.deltas, record.jacobians, strict=True)
    for index, (axes, row) in enumerate(zip(panels, rows, strict=True)):
        shape = _picture_shape(record.image_shape)
        image, delta, jacobian = (np.reshape(v, shape) for v in row)
        gain = 0.5 / float(np.abs(delta).max())
        _draw_image(axes[0], image)
        _draw_image(axes[1], 0.5 + gain * delta)
        summed = jacobian.sum(-1)
        most = max(float(np.abs(summed).max()), 1e-30)
        drawn = axes[2].imshow(summed, cmap="RdBu", vmin=-most, vmax=most)
        figure.colorbar(drawn, ax=axes[2], label="S per unit of brightness")
        axes[0].set_ylabel(
            f"image {record.examples[index]}, class {record.labels[index]}",
            fontsize=8,
        )
        axes[1].set_title(f"perturbation x {gain:.3g}", fontsize=8)
        for panel in axes:
            panel.set_xticks([])
            panel.set_yticks([])
    panels[0][0].set_title("image", fontsize=8)
    panels[0][2].set_title("Jacobian of S", fontsize=8)
    figure.suptitle(f"{_title(record)}, {record.data}", fontsize=10)
    save_figure(figure, path)


def _solid(figure: Any, place: tuple[int, int, int]) -> Any:
    """Return a panel in 3D, small enough for its labels."""
    axes = figure.add_subplot(*place, projection="3d", computed_zorder=False)
    axes.set_box_aspect(None, zoom=0.85)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)
    return axes


def _draw_solid(
    axes: Any,
    at: Sequence[float],
    grid: Any,
    heights: tuple[float, float],
    **colours: Any,
) -> None:
    """Draw a grid whose rows are along the first direction."""
    import numpy as np

    first, second = np.meshgrid(at, at, indexing="ij")
    axes.plot_surface(
        first, second, grid, rstride=1, cstride=1, zorder=1, **colours
    )
    axes.set_zlim(*heights)


def _draw_paths(axes: Any, record: SurfaceRecord, grid: Any) -> None:
    """Draw paths on the surface, which hides no line of them."""
    import numpy as np

    at = np.array(record.coordinates)
    for index, (name, places) in enumerate(record.paths.items()):
        first, second = np.clip(np.array(places).T, at[0], at[-1])
        axes.plot(
            first,
            second,
            _heights(at, grid, first, second),
            color="k",
            linestyle=LINES[index % len(LINES)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=3,
            linewidth=1.0,
            zorder=10,
            label=name,
        )
    if record.paths:
        axes.legend(frameon=False, fontsize=7, loc="upper left")


def _heights(at: Any, grid: Any, first: Any, second: Any) -> Any:
    """Return the grid between its points, by both neighbours each way."""
    import numpy as np

    cell = np.clip(np.searchsorted(at, [first, second]) - 1, 0, len(at) - 2)
    (i, j), step = cell, at[1] - at[0]
    u, v = (np.array([first, second]) - at[cell]) / step
    low = (1 - v) * grid[i, j] + v * grid[i, j + 1]
    high = (1 - v) * grid[i + 1, j] + v * grid[i + 1, j + 1]
    return (1 - u) * low + u * high


def _draw_image(axes: Any, image: Any) -> None:
    """Draw (height, width, channels) in [0, 1], or what range it has."""
    low, high = min(0.0, image.min()), max(1.0, image.max())
    image = (image - low) / (high - low)
    grey = image.shape[-1] != 3
    shown = image.mean(-1) if grey else image
    axes.imshow(shown, cmap="gray", vmin=0.0, vmax=1.0)


def _picture_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return height, width, channels; flat inputs as a square or a row."""
    if len(shape) == 3:
        return tuple(shape)
    side = math.isqrt(shape[0])
    return (side, side, 1) if side**2 == shape[0] else (1, shape[0], 1)


def _title(record: CurvaturePathRecord) -> str:
    lines = f"{len(record.examples)} of {record.num_examples} images"
    return f"{record.model}, {record.attack['name']}, {lines}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
