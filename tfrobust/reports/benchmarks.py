"""Benchmarks as tables."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tfrobust.records import BenchmarkRecord
from tfrobust.records import ratio_of_medians

Rows = list[list[str]]


def benchmark_rows(record: BenchmarkRecord, plain: str) -> Rows:
    """Return header and rows: each call over a plain step and its floor.

    Args:
        record: of the suite "train_step".
        plain: the call that others are compared with.
    """
    rows = [["defense", "ms", "over plain", "over floor", "floor"]]
    for name, counts in record.floors.items():
        seconds = record.seconds[name]
        calls = [f"{n} {call}" if n > 1 else call for call, n in counts.items()]
        rows.append(
            [
                name,
                f"{1000 * statistics.median(seconds):.0f}",
                _ratio(seconds, record.seconds[plain]),
                _ratio(seconds, record.floor_seconds(name)),
                " + ".join(calls),
            ]
        )
    return rows


def attack_benchmark_rows(record: BenchmarkRecord) -> Rows:
    """Return header and rows: speed and strength of each attack.

    Args:
        record: of the suite "attacks".
    """
    count = record.configuration["num_examples"]
    header = ["attack", "s", "images/s", "robust %", "median norm"]
    rows = [[*header, "over floor", "over all steps", "over ours"]]
    own = list(record.floors)
    for name, robust in record.robust_accuracy.items():
        seconds = record.seconds[name]
        median = statistics.median(seconds)
        norm = record.median_norm.get(name)
        is_own = name in own
        of = name if is_own else name.split(" ", 1)[1]
        floor = _ratio(seconds, record.floor_seconds(of))
        whole = record.seconds.get(f"bare all steps of {of}")
        rows.append(
            [
                name,
                f"{median:.2f}",
                f"{count / median:.1f}",
                f"{100 * robust:.1f}",
                "-" if norm is None else f"{norm:.4g}",
                floor,
                "" if whole is None else _ratio(seconds, whole),
                "" if is_own else _ratio(seconds, record.seconds[of]),
            ]
        )
    return rows


def bare_rows(record: BenchmarkRecord, plain: str) -> Rows:
    """Return header and rows of the bare calls and steps."""
    rows = [["call", "ms", "over plain"]]
    for name, seconds in record.seconds.items():
        if name in record.floors:
            continue
        median = f"{1000 * statistics.median(seconds):.1f}"
        rows.append([name, median, _ratio(seconds, record.seconds[plain])])
    return rows


def _ratio(above: Sequence[float], below: Sequence[float]) -> str:
    ratio, low, high = ratio_of_medians(above, below)
    return f"{ratio:.2f} [{low:.2f}, {high:.2f}]"
