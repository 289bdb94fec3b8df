"""Numbers that tables read from records."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from tfrobust.records import AttackRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import FeatureRecord
from tfrobust.records import LeakingRecord

Reading = Callable[[EvaluationRecord], float | None]


def clean(record: EvaluationRecord) -> float:
    """Return clean accuracy in percent."""
    return 100 * record.clean_accuracy


def worst_case(record: EvaluationRecord) -> float:
    """Return the accuracy in percent that all attacks together leave."""
    return 100 * record.worst_case_accuracy


def accuracy(attack: str) -> Reading:
    """Return accuracy in percent under an attack; see `find`."""
    return lambda record: 100 * find(record, attack).robust_accuracy


def norm_of(
    attack: str, middle: Callable[..., float] = statistics.fmean
) -> Reading:
    """Return the mean norm of what broke an example that was right before.

    Args:
        attack: see `find`.
        middle: of the norms; default their mean.
    """

    def read(record: EvaluationRecord) -> float | None:
        found = find(record, attack)
        rows = zip(
            record.clean, found.robust, found.perturbation_norm, strict=True
        )
        norms = [norm for right, robust, norm in rows if right and not robust]
        return middle(norms) if norms else None

    return read


def find(record: EvaluationRecord, attack: str) -> AttackRecord:
    """Return an attack by its name, with or without its number of steps."""
    for found in record.attacks:
        if found.name == attack or found.name.startswith(f"{attack}-"):
            return found
    names = ", ".join(a.name for a in record.attacks)
    raise ValueError(f"{attack} is not among {names}.")


def match_rate(points: str) -> Callable[[FeatureRecord], float]:
    """Return the match rate in percent of clean or of an attack's points."""
    return lambda record: 100 * _of(record.match_rates, points)


def cosine(points: str) -> Callable[[FeatureRecord], float | None]:
    """Return the mean cosine to the predicted class' centre."""

    def read(record: FeatureRecord) -> float | None:
        found = record.cosine_statistics
        return None if found is None else _of(found, points)[0]

    return read


def _of(found: dict, points: str):  # type: ignore[no-untyped-def, type-arg]
    """Return an entry by its name, with or without its number of steps."""
    for name, value in found.items():
        if name == points or name.startswith(f"{points}-"):
            return value
    raise ValueError(f"{points} is not among {', '.join(found)}.")


def gradient_norm(record: LeakingRecord) -> float:
    """Return the mean norm of the loss gradient."""
    return record.mean_gradient_norm


def reciprocal_gradient_norm(record: LeakingRecord) -> float | None:
    """Return 1 / mean norm of the loss gradient."""
    norm = record.mean_gradient_norm
    return 1 / norm if norm else None


def leaking(num_components: int) -> Callable[[LeakingRecord], float]:
    """Return alpha_d of the loss gradient; of all where there are fewer."""
    return lambda record: record.shares["loss gradient"][
        min(num_components, len(record.energy)) - 1
    ]


def perturbation_norm(
    attack: str, middle: Callable[..., float] = statistics.fmean
) -> Callable[[LeakingRecord], float | None]:
    """Return the mean norm of an attack's perturbations."""

    def read(record: LeakingRecord) -> float | None:
        norms = _of(record.perturbation_norms, attack)
        return middle(norms) if norms else None

    return read
