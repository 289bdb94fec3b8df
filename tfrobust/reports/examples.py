"""Paths from images to adversarial ones, told and drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import LINES
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure
from tfrobust.reports.tables import percent

Rows = list[list[str]]
_COLUMNS = 4
_NAMED_FROM = 0.1
"""A class whose softmax gets so far somewhere is named in its panel."""


def softmax_path_rows(record: SoftmaxPathRecord) -> Rows:
    """Return header and rows: an image each, with its steepest step.

    That is the largest change of its class's softmax from one t to the next,
    per unit of t: 1 for a straight fall over the whole path.
    """
    norm = f"{_norm(record)} norm"
    header = ["image", "class", "before", "after", norm, "steepest"]
    rows = [header]
    for k, label in enumerate(record.labels):
        own = [row[label] for row in record.probabilities[k]]
        rows.append(
            [
                str(record.examples[k]),
                str(label),
                _said(record.before[k], record.probabilities[k][0]),
                _said(record.after[k], record.probabilities[k][-1]),
                f"{record.perturbation_norms[k]:.4g}",
                f"{_steepest(own, record.positions):.3g}",
            ]
        )
    return rows


def label_leaking_rows(record: SoftmaxPathRecord) -> Rows:
    """Return header and rows: accuracy by the labels the attack was given."""
    return [
        [f"{record.num_examples} images of {record.data}", "accuracy %"],
        ["clean", percent(record.clean_accuracy)],
        ["attack with true labels", percent(record.true_label_accuracy)],
        [
            "attack with predicted labels",
            percent(record.predicted_label_accuracy),
        ],
        ["what true labels leak", percent(record.label_leaking)],
    ]


def plot_softmax_paths(
    records: Sequence[SoftmaxPathRecord], path: str | os.PathLike[str]
) -> None:
    """Draw the softmax along each path as PNG, a panel for each image.

    Named are the image's class, what it becomes, and whatever reaches a
    tenth on the way; the rest is grey.

    Args:
        records: of models, one after the other.
        path: of the picture.

    Raises:
        ValueError: where no record shows an image.
    """
    shown = [(r, k) for r in records for k in range(len(r.labels))]
    if not shown:
        raise ValueError(
            "There must be a path to draw. Received: no image that was right "
            "before the attack"
        )
    columns = min(_COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(3.4 * columns, 2.9 * lines)
    panels = figure.subplots(
        lines, columns, sharex=True, sharey=True, squeeze=False
    )
    for axes, (record, k) in zip(panels.flat, shown, strict=False):
        _draw_path(axes, record, k)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    figure.supxlabel(
        "t, from the image (0) to the adversarial one (1)", fontsize=10
    )
    figure.supylabel("softmax", fontsize=10)
    attack = _attack_name(records[0])
    figure.suptitle(f"x + t (x_adv - x), {attack}", fontsize=10)
    save_figure(figure, path)


def plot_examples(
    record: SoftmaxPathRecord, path: str | os.PathLike[str]
) -> None:
    """Draw image, magnified perturbation and adversarial image as PNG.

    A column for each, from top to bottom; the perturbation is shown about
    middle grey, so many times as large as its title says.

    Args:
        record: with images (height, width, 1 or 3), or flat squares.
        path: of the picture.

    Raises:
        ValueError: for no image, or pixels that make no picture.
    """
    if not record.labels:
        raise ValueError("There must be an image to draw. Received: none")
    count = len(record.labels)
    figure = new_figure(max(4.2, 1.7 * count), 6.4)
    panels = figure.subplots(3, count, squeeze=False)
    for k, column in enumerate(panels.T):
        image = _picture(record.images[k])
        other = _picture(record.adversarial[k])
        times, between = _magnified(image, other)
        size = f"{_norm(record)} norm {record.perturbation_norms[k]:.3g}"
        first, last = record.probabilities[k][0], record.probabilities[k][-1]
        titles = (
            f"image {record.examples[k]}, class {record.labels[k]}\n"
            f"{_said(record.before[k], first)}",
            f"perturbation, {times} times\n{size}",
            f"adversarial\n{_said(record.after[k], last)}",
        )
        for axes, pixels, title in zip(
            column, (image, between, other), titles, strict=True
        ):
            axes.imshow(pixels, cmap="gray", vmin=0.0, vmax=1.0)
            axes.set_title(title, fontsize=8)
            axes.set_axis_off()
    figure.suptitle(
        f"{record.model}, {record.data}, {_attack_name(record)}", fontsize=9
    )
    save_figure(figure, path)


def _draw_path(axes: Any, record: SoftmaxPathRecord, k: int) -> None:
    """Draw one image's softmax, its own class and the end's first."""
    columns = list(zip(*record.probabilities[k], strict=True))
    first = dict.fromkeys((record.labels[k], record.after[k]))
    high = [c for c, v in enumerate(columns) if max(v) >= _NAMED_FROM]
    named = list(dict.fromkeys([*first, *high]))[: len(COLOURS)]
    for c, values in enumerate(columns):
        if c not in named:
            axes.plot(record.positions, values, color="0.8", linewidth=0.8)
    for index, c in enumerate(named):
        axes.plot(
            record.positions,
            columns[c],
            color=COLOURS[index],
            linestyle=LINES[index % len(LINES)],
            label=f"class {c}" + " (its own)" * (c == record.labels[k]),
        )
    norm = f"{_norm(record)} norm {record.perturbation_norms[k]:.3g}"
    withstood = record.after[k] == record.labels[k]
    axes.set_title(
        f"{record.model}, image {record.examples[k]}, {norm}"
        + ", withstood" * withstood,
        fontsize=7,
    )
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7)


def _picture(image: Any) -> list[Any]:
    """Return rows of grey values or of red, green and blue."""
    if not isinstance(image[0], Sequence):
        side = round(len(image) ** 0.5)
        if side * side != len(image):
            raise ValueError(
                "Flat images must be squares to be drawn. "
                f"Received: {len(image)} pixels"
            )
        return [list(image[side * r : side * (r + 1)]) for r in range(side)]
    channels = len(image[0][0])
    if channels not in (1, 3):
        raise ValueError(
            f"Images must have 1 or 3 channels. Received: {channels}"
        )
    return [[p[0] if channels == 1 else list(p) for p in r] for r in image]


def _magnified(image: Any, other: Any) -> tuple[int, list[Any]]:
    """Return how many times and the perturbation about middle grey."""
    pairs = zip(_flat(image), _flat(other), strict=True)
    largest = max(abs(b - a) for a, b in pairs)
    # Half of the range is there on either side of the grey.
    times = max(1, int(0.5 / largest + 1e-6)) if largest else 1

    def shown(a: Any, b: Any) -> Any:
        if isinstance(a, list):
            return [shown(*pair) for pair in zip(a, b, strict=True)]
        return min(1.0, max(0.0, 0.5 + times * (b - a)))

    return times, shown(image, other)


def _flat(values: Any) -> list[float]:
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in _flat(part)]


def _steepest(values: Sequence[float], at: Sequence[float]) -> float:
    """Return the largest |change| per unit of t between neighbours."""
    steps = zip(values, values[1:], at, at[1:], strict=False)
    return max(abs(b - a) / (t - s) for a, b, s, t in steps)


def _said(label: int, probabilities: Sequence[float]) -> str:
    return f"{label} ({percent(probabilities[label])} %)"


def _norm(record: SoftmaxPathRecord) -> str:
    return f"l{record.settings.get('threat_model', {}).get('norm', '?')}"


def _attack_name(record: SoftmaxPathRecord) -> str:
    ball = record.settings.get("threat_model", {})
    radius = ball.get("epsilon", "inf")
    shown = radius if isinstance(radius, str) else f"{radius:.4g}"
    return f"{record.settings['name']}, l{ball.get('norm', '?')} <= {shown}"
