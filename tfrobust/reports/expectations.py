"""What the papers led us to expect, and what the records on a shelf show.

Li, Cheng, Su and Zhu, 2020 (gradient leaking), figure 4; Yu, Liu, Wang and
Chen, 2018 (decision surface), equation 9; Roth, Lucchi, Nowozin and Hofmann,
2018 (structured gradients), section 4. Numbers on their models and ours
differ; what is looked at is the direction.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from tfrobust.records import CovarianceRecord
from tfrobust.records import CurvatureRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import TrainingRecord
from tfrobust.reports.shelf import Shelf
from tfrobust.reports.tables import Rows

_LEAKING = "gradient_leaking_"
Finding = tuple[str, str, bool]
"""What was expected, what was measured, whether they agree."""


def expectation_rows(shelf: Shelf) -> Rows:
    """Return header and rows: what was expected, measured, and the verdict.

    Only what the records can tell has a row.

    Args:
        shelf: what is reported.
    """
    rows = [["expected", "measured", "verdict"]]
    for look in (_first_epoch, _pixels, _curvature, _shares):
        for expected, measured, agrees in look(shelf):
            verdict = "confirmed" if agrees else "not confirmed"
            rows.append([expected, measured, verdict])
    return rows


def _first_epoch(shelf: Shelf) -> Iterator[Finding]:
    expected = (
        "the loss gradient's share in the first components is highest after "
        "the first epoch (Li et al., fig. 4b)"
    )
    for where, record in shelf.of(TrainingRecord):
        for name, values in record.history.items():
            if not name.startswith(_LEAKING) or len(values) < 2:
                continue
            shown = ", ".join(f"{100 * v:.1f}" for v in values)
            count = name.removeprefix(_LEAKING)
            measured = f"{where}: {shown} % in {count} components"
            yield expected, measured, values[0] == max(values)


def _pixels(shelf: Shelf) -> Iterator[Finding]:
    expected = (
        "perturbations are correlated over fewer pixels than the images "
        "(Roth et al., section 4)"
    )
    for _, record in shelf.of(CovarianceRecord):
        lengths = {n: rows[0][0] for n, rows in record.decay_length.items()}
        images = lengths.pop("images", None)
        for name, length in lengths.items():
            if images is None or length is None:
                continue
            measured = (
                f"{record.model}: {length:.2f} of {name}, {images:.2f} of "
                "images, pixels to 1 / e"
            )
            yield expected, measured, length < images


def _curvature(shelf: Shelf) -> Iterator[Finding]:
    """DS's indicator: mean |J_i| and mean |lambda_i|."""
    quantities: dict[str, Callable[[Any], float | None]] = {
        "mean |J_i|": lambda r: r.mean_jacobian_entry,
        "mean |lambda_i|": lambda r: r.mean_eigenvalue_size,
    }
    for name, quantity in quantities.items():
        expected = f"the more robust, the smaller {name} (Yu et al., eq. 9)"
        yield from _ordered(shelf, CurvatureRecord, expected, quantity, -1)


def _shares(shelf: Shelf) -> Iterator[Finding]:
    for count in (50, 100, 300):
        expected = (
            "the more robust, the larger the loss gradient's share in the "
            f"first {count} components (Li et al., fig. 4a: so with projection "
            "and noise, not with TRADES)"
        )

        def share(record: LeakingRecord, count: int = count) -> float | None:
            shares = record.shares.get("loss gradient", ())
            return shares[count - 1] if count <= len(shares) else None

        yield from _ordered(shelf, LeakingRecord, expected, share, 1)


def _ordered(
    shelf: Shelf,
    kind: type,
    expected: str,
    quantity: Callable[[Any], float | None],
    sign: int,
) -> Iterator[Finding]:
    """Compare models of one data set by robustness and by a quantity."""
    robust = _robustness(shelf)
    by_data: dict[str, dict[str, tuple[float, float]]] = {}
    for _, record in shelf.of(kind):
        value, digest = quantity(record), record.model_digest
        if value is not None and digest in robust:
            models = by_data.setdefault(record.data, {})
            models[record.model] = (robust[digest], value)
    for models in by_data.values():
        if len(models) < 2:
            continue
        ranked = sorted(models.items(), key=lambda item: item[1])
        shown = ", ".join(
            f"{name} {value:.3g} (robust {100 * accuracy:.1f} %)"
            for name, (accuracy, value) in ranked
        )
        values = [sign * value for _, (_, value) in ranked]
        yield expected, shown, values == sorted(values)


def _robustness(shelf: Shelf) -> Mapping[str, float]:
    """Return digest of a model -> its worst case; of several, the last."""
    return {
        record.model_digest: record.worst_case_accuracy
        for _, record in shelf.of(EvaluationRecord)
    }
