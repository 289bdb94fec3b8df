"""Searches as tables and pictures, from records alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfrobust.records import SearchRecord
from tfrobust.records import TrialRecord
from tfrobust.reports.figures import COLOURS
from tfrobust.reports.figures import new_figure
from tfrobust.reports.figures import save_figure
from tfrobust.reports.tables import Rows

_MOST_TRIALS = 20


def search_rows(record: SearchRecord) -> Rows:
    """Return header and rows: what was made large, how, and where."""
    failed = sum(t.status == "failed" for t in record.trials)
    rows = [
        ["search", "how"],
        ["made large", record.objective],
        ["tuner", f"{record.tuner}, {len(record.trials)} trials"],
        ["failed", str(failed)],
    ]
    return rows + [[name, where] for name, where in record.space.items()]


def trial_rows(record: SearchRecord) -> Rows:
    """Return header and rows: the best trials first, those that failed last.

    At most twenty that completed, and all that failed.
    """
    rows = [["trial", *record.space, "epochs", "clean %", "robust %", "score"]]
    done = sorted(record.completed, key=lambda t: (-_score(t), t.number))
    rows += [_row(record, trial) for trial in done[:_MOST_TRIALS]]
    rest = [t for t in record.trials if t.score is None]
    return rows + [[*_row(record, t)[:-1], _why(t)] for t in rest]


def finalist_rows(record: SearchRecord) -> Rows:
    """Return header and rows: finalists under the stronger attacks."""
    names = ", ".join(record.attacks)
    rows = [["finalist", "clean %", f"worst case of {names} %", "masking", ""]]
    for one in record.finalists:
        rows.append(
            [
                one.number,
                f"{100 * one.clean_accuracy:.1f}",
                f"{100 * one.robust_accuracy:.1f}",
                ": ".join(filter(None, (one.masking, ", ".join(one.signs)))),
                "winner" if one.number == record.winner else "",
            ]
        )
    return rows


def plot_search(record: SearchRecord, path: str | os.PathLike[str]) -> None:
    """Draw clean against robust accuracy of each trial, as PNG.

    Args:
        record: of a search.
        path: of the picture.
    """
    figure = new_figure(6.4, 4.6)
    axes = figure.subplots()
    axes.scatter(*_points(record.completed), color=COLOURS[0], label="trials")
    front = sorted(record.front, key=lambda t: t.clean_accuracy or 0.0)
    axes.plot(
        *_points(front),
        color=COLOURS[1],
        drawstyle="steps-post",
        label="best of both",
    )
    if record.clean_floor:
        axes.axvline(
            100 * record.clean_floor,
            color="0.5",
            linestyle=":",
            label="least clean accuracy",
        )
    won = [f for f in record.finalists if f.number == record.winner]
    if won:
        axes.plot(
            [100 * won[0].clean_accuracy],
            [100 * won[0].robust_accuracy],
            "*",
            color=COLOURS[2],
            markersize=14,
            label=f"winner {record.winner}, re-scored",
        )
    axes.set_xlabel("clean accuracy on validation examples, %")
    axes.set_ylabel("accuracy under attack, %")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    failed = sum(t.status == "failed" for t in record.trials)
    axes.set_title(
        f"{record.model} on {record.data}: {len(record.completed)} trials by "
        f"{record.tuner}, {failed} failed",
        fontsize=10,
    )
    save_figure(figure, path)


def _points(trials: Sequence[TrialRecord]) -> tuple[list[float], list[float]]:
    clean = [100 * (t.clean_accuracy or 0.0) for t in trials]
    robust = [100 * (t.robust_accuracy or 0.0) for t in trials]
    return clean, robust


def _row(record: SearchRecord, trial: TrialRecord) -> list[str]:
    values = [_short(trial.values.get(name, "")) for name in record.space]
    figures = (trial.clean_accuracy, trial.robust_accuracy)
    shown = ["-" if f is None else f"{100 * f:.1f}" for f in figures]
    score = "-" if trial.score is None else f"{trial.score:.4f}"
    return [trial.number, *values, str(trial.epochs), *shown, score]


def _score(trial: TrialRecord) -> float:
    return trial.score if trial.score is not None else float("-inf")


def _why(trial: TrialRecord) -> str:
    return f"{trial.status}: {trial.message}" if trial.message else trial.status


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
