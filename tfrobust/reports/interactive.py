"""Curves that answer to the pointer, as HTML; plotly is loaded when drawing."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from html import escape
from typing import Any

from tfrobust.records import CurveRecord
from tfrobust.records import TrainingRecord
from tfrobust.reports.effort import threat_model
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.html import Html

_DASHES = ("solid", "dash", "dashdot", "dot")
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "x")
Line = tuple[Sequence[float], Sequence[float]]


def plotly_script() -> str:
    """Return the library that the curves need, to be put into a page once."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def accuracy_curves(curves: Sequence[tuple[str, CurveRecord]]) -> Html:
    """Return robust accuracy against the radius, a line per model.

    Args:
        curves: (how the model is called, record) in one norm.
    """
    norm = threat_model(curves[0][1].attack).get("norm", "?")
    lines = {
        name: (curve.epsilons, [100 * a for a in curve.robust_accuracy])
        for name, curve in curves
    }
    return _plot(
        f"curves-l{norm}",
        lines,
        f"radius of the l{norm} ball, pixels in [0, 1]",
        "accuracy, %",
        top=102.0,
    )


def training_curves(
    trainings: Sequence[tuple[str, TrainingRecord]], metric: str
) -> Html:
    """Return a metric after each epoch, a line per training that has it.

    Args:
        trainings: (how the model is called, record).
        metric: of their histories.
    """
    lines = {
        name: (range(1, len(values) + 1), values)
        for name, record in trainings
        if (values := record.history.get(metric))
    }
    return _plot(f"training-{metric}", lines, "epoch", metric)


def _plot(
    name: str,
    lines: Mapping[str, Line],
    x_title: str,
    y_title: str,
    top: float | None = None,
) -> Html:
    """Return lines as a plot of its own element."""
    import plotly.graph_objects as go
    import plotly.io

    # plotly reads a few tags in its texts: names are escaped for it too.
    traces = [
        go.Scatter(
            x=list(x),
            y=list(y),
            name=escape(label, quote=False),
            mode="lines+markers",
            line={
                "color": COLOURS[k % len(COLOURS)],
                "dash": _DASHES[k // len(COLOURS) % len(_DASHES)],
            },
            marker={"symbol": _SYMBOLS[k % len(_SYMBOLS)]},
            hovertemplate="%{x:.4g}: %{y:.4g}<extra>%{fullData.name}</extra>",
        )
        for k, (label, (x, y)) in enumerate(lines.items())
    ]
    clear = "rgba(0,0,0,0)"
    layout: dict[str, Any] = {
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "xaxis": {"title": {"text": escape(x_title)}},
        "yaxis": {"title": {"text": escape(y_title)}},
        "legend": {"orientation": "h", "y": -0.25},
        "margin": {"l": 60, "r": 20, "t": 20, "b": 60},
        "template": "none",
    }
    if top is not None:
        layout["yaxis"]["range"] = [-2.0, top]
    div = plotly.io.to_html(
        go.Figure(traces, layout),
        include_plotlyjs=False,
        full_html=False,
        div_id="".join(c if c.isalnum() else "-" for c in name),
        config={"responsive": True, "displaylogo": False},
    )
    return Html(f'<div class="plot">{div}</div>')
