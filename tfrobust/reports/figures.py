"""Records as pictures. Needs no model; matplotlib is loaded when drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tfrobust.records import CurvatureRecord
from tfrobust.records import CurveRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import SurfaceRecord
from tfrobust.records import whole_file

# Okabe and Ito's colours, told apart with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")


def plot_accuracy_against_epsilon(
    curves: Sequence[CurveRecord],
    path: str | os.PathLike[str],
    *,
    trained_at: float | None = None,
) -> None:
    """Draw robust accuracy against the radius, a line per model, as PNG.

    Args:
        curves: records of one attack and one set of radii.
        path: of the picture.
        trained_at: radius to mark with a dotted line; default none.
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    for index, curve in enumerate(curves):
        axes.plot(
            curve.epsilons,
            [100 * a for a in curve.robust_accuracy],
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
            label=curve.model,
        )
    if trained_at is not None:
        axes.axvline(trained_at, color="0.5", linestyle=":", label="trained at")
    attack = curves[0].attack
    axes.set_xlabel(
        f"radius of the l{attack['threat_model']['norm']} ball, pixels in "
        "[0, 1]"
    )
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(-2, 102)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title(
        f"Accuracy under {attack['name']}-{attack['num_steps']}, "
        f"{curves[0].num_examples} images",
        fontsize=10,
    )
    save_figure(figure, path)


def plot_gradient_leaking(
    records: Sequence[LeakingRecord], path: str | os.PathLike[str]
) -> None:
    """Draw shares against the number of components, as PNG.

    Args:
        records: of models on one image set; a panel each.
        path: of the picture.
    """
    figure = new_figure(5.0 * len(records), 4.2)
    panels = figure.subplots(1, len(records), sharey=True, squeeze=False)[0]
    for axes, record in zip(panels, records, strict=True):
        lines = {"variance of the images": record.energy, **record.shares}
        for index, (name, shares) in enumerate(lines.items()):
            axes.plot(
                range(1, len(shares) + 1),
                [100 * share for share in shares],
                color=COLOURS[index % len(COLOURS)],
                linestyle=LINES[index % len(LINES)],
                label=name,
            )
        axes.set_xscale("log")
        axes.set_xlabel("first d principal components")
        axes.set_ylim(-2, 102)
        axes.grid(alpha=0.3)
        axes.set_title(
            f"{record.model}\n{record.num_examples} images of {record.data}, "
            f"mean gradient norm {record.mean_gradient_norm:.3g}",
            fontsize=9,
        )
    panels[0].set_ylabel("share of the squared length, %")
    # Curves from corner to corner leave no room inside.
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    save_figure(figure, path)


def plot_surfaces(
    records: Sequence[SurfaceRecord], path: str | os.PathLike[str]
) -> None:
    """Draw decision surfaces as PNG, a panel each, on one scale of colours.

    Blue is where the image keeps its class; the line is the boundary; paths
    run from the image on.

    Args:
        records: of models, or of images.
        path: of the picture.
    """
    figure = new_figure(4.6 * len(records) + 0.8, 4.4)
    panels = figure.subplots(1, len(records), squeeze=False)[0]
    most = max(abs(v) for r in records for row in r.decision for v in row)
    for axes, record in zip(panels, records, strict=True):
        at = record.coordinates
        # Rows are along the first direction, which is drawn to the right.
        values = list(zip(*record.decision, strict=True))
        levels = [most * k / 10 for k in range(-10, 11)]
        drawn = axes.contourf(at, at, values, levels=levels, cmap="RdBu")
        axes.contour(at, at, values, levels=[0.0], colors="k", linewidths=1.5)
        axes.plot(0, 0, "ko", markersize=5)
        for index, (name, places) in enumerate(record.paths.items()):
            axes.plot(
                *zip(*places, strict=True),
                color=COLOURS[4 - index % 4],
                marker=MARKERS[index % len(MARKERS)],
                markersize=3,
                label=name,
            )
        axes.set_xlabel(f"{record.axes[0]}, pixels in [0, 1]")
        axes.set_ylabel(f"{record.axes[1]}, pixels in [0, 1]")
        axes.set_title(
            f"{record.model}\n{record.data}, test image {record.example}, "
            f"class {record.label}",
            fontsize=9,
        )
        if record.paths:
            axes.legend(fontsize=8)
    figure.colorbar(
        drawn, ax=list(panels), label="own logit less the largest other"
    )
    save_figure(figure, path)


def plot_curvature(
    records: Sequence[CurvatureRecord], path: str | os.PathLike[str]
) -> None:
    """Draw Jacobian norms and largest eigenvalues, images in order, as PNG.

    Args:
        records: of models on the same images; a line each.
        path: of the picture.
    """
    figure = new_figure(9.6, 4.2)
    panels = figure.subplots(1, 2)
    for index, record in enumerate(records):
        largest = [abs(values[0]) for values in record.eigenvalues]
        for axes, numbers in zip(
            panels, (record.jacobian_l1, largest), strict=True
        ):
            axes.plot(
                [100 * (k + 0.5) / len(numbers) for k in range(len(numbers))],
                sorted(numbers),
                color=COLOURS[index % len(COLOURS)],
                linestyle=LINES[index % len(LINES)],
                label=record.model,
            )
    panels[0].set_ylabel("l1 norm of the decision function's Jacobian")
    panels[1].set_ylabel("largest |eigenvalue| of the loss' Hessian")
    for axes in panels:
        axes.set_xlabel("images in order, %")
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(
        f"{records[0].num_examples} images of {records[0].data}", fontsize=10
    )
    save_figure(figure, path)


def plot_flatness(
    records: Sequence[FlatnessRecord], path: str | os.PathLike[str]
) -> None:
    """Draw gamma and how far the loss rises, images in order, as PNG.

    Args:
        records: of models on the same images; a colour each.
        path: of the picture.
    """
    figure = new_figure(9.6, 4.2)
    panels = figure.subplots(1, 2)
    for index, record in enumerate(records):
        rise = [
            worst - clean
            for worst, clean in zip(record.worst_loss, record.loss, strict=True)
        ]
        bound = [
            slack + height
            for slack, height in zip(record.theorem_1_slack, rise, strict=True)
        ]
        lines = (
            (panels[0], record.gamma, "-", "in the ball"),
            (panels[0], record.gradient_norm, ":", "at the image"),
            (panels[1], rise, "-", "found"),
            (panels[1], bound, ":", "theorem 1's bound"),
        )
        for axes, numbers, style, what in lines:
            axes.plot(
                [100 * (k + 0.5) / len(numbers) for k in range(len(numbers))],
                sorted(numbers),
                color=COLOURS[index % len(COLOURS)],
                linestyle=style,
                label=f"{record.model}: {what}",
            )
    panels[0].set_ylabel("l1 norm of the loss gradient, largest")
    panels[1].set_ylabel("rise of the loss, largest")
    for axes in panels:
        axes.set_xlabel("images in order, %")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=7)
    figure.suptitle(
        f"{records[0].num_examples} images of {records[0].data}, l-inf ball "
        f"of radius {records[0].epsilon:g}",
        fontsize=10,
    )
    save_figure(figure, path)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of so many inches, for no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a picture, whole or not at all."""
    with whole_file(path) as part:
        figure.savefig(part, dpi=150)
