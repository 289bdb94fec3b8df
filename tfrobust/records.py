"""Results as frozen dataclasses, JSON in and out.

Everything that measuring hands to drawing passes through here; nothing here
knows of models or tensors.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import random
import statistics
from collections.abc import Sequence
from typing import Any

VERSION = 1


@dataclasses.dataclass(frozen=True)
class AttackRecord:
    """What one attack did to one model.

    Attributes:
        name: of the attack in its suite.
        settings: its budget, every argument under its own name.
        robust: whether each example was still classified correctly.
        perturbation_norm: of each example, in the attack's norm.
    """

    name: str
    settings: dict[str, Any]
    robust: tuple[bool, ...]
    perturbation_norm: tuple[float, ...]

    @property
    def robust_accuracy(self) -> float:
        """Share of examples still classified correctly."""
        return sum(self.robust) / len(self.robust)


@dataclasses.dataclass(frozen=True)
class CheckRecord:
    """One sign of masked gradients.

    Attributes:
        name: of the check.
        number: what was measured; larger is worse.
        verdict: "ok", "suspicious" or "failed".
        meaning: what the number is, in a sentence.
    """

    name: str
    number: float
    verdict: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class EvaluationRecord:
    """One model under a suite of attacks.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        split: of which the first examples were taken.
        clean: whether each example was classified correctly unattacked.
        attacks: in the order they ran.
        provenance: configuration, seed, versions, revision.
        masking: signs of masked gradients; empty where nobody looked.
    """

    model: str
    model_digest: str
    data: str
    split: str
    clean: tuple[bool, ...]
    attacks: tuple[AttackRecord, ...]
    provenance: dict[str, Any]
    masking: tuple[CheckRecord, ...] = ()

    @property
    def num_examples(self) -> int:
        """How many examples were evaluated."""
        return len(self.clean)

    @property
    def clean_accuracy(self) -> float:
        """Share of examples classified correctly unattacked."""
        return sum(self.clean) / len(self.clean)

    @property
    def worst_case(self) -> tuple[bool, ...]:
        """Whether each example withstood every attack."""
        rows = zip(self.clean, *(a.robust for a in self.attacks), strict=True)
        return tuple(all(row) for row in rows)

    @property
    def worst_case_accuracy(self) -> float:
        """Share of examples that withstood every attack."""
        return sum(self.worst_case) / self.num_examples


@dataclasses.dataclass(frozen=True)
class CurveRecord:
    """Robust accuracy of one model against the radius.

    Attributes:
        model: how the model is called.
        attack: its settings, without the radius.
        epsilons: radii, in input units.
        robust_accuracy: at each radius.
        num_examples: how many examples were attacked.
    """

    model: str
    attack: dict[str, Any]
    epsilons: tuple[float, ...]
    robust_accuracy: tuple[float, ...]
    num_examples: int


@dataclasses.dataclass(frozen=True)
class TransferRecord:
    """Models under the points that were made on each other.

    Attributes:
        models: how they are called.
        model_digests: SHA-256 of their weights.
        data: name of the image set.
        num_examples: how many examples were attacked.
        clean_accuracy: of each model, unattacked.
        settings: attack -> its budget.
        accuracy: attack -> a row for each source, in it each target.
        provenance: configuration, seed, versions, revision.
    """

    models: tuple[str, ...]
    model_digests: tuple[str, ...]
    data: str
    num_examples: int
    clean_accuracy: tuple[float, ...]
    settings: dict[str, Any]
    accuracy: dict[str, tuple[tuple[float, ...], ...]]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class LeakingRecord:
    """How much of what lies in the images' first principal components.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        eigenvalues: of the training images' covariance, falling.
        energy: share of the variance in the first d components.
        shares: of what -> mean share in the first d components.
        counts: of what -> how many vectors that is the mean of.
        mean_gradient_norm: l2, of the loss at the images.
        perturbation_norms: attack -> norms of what broke an image.
        settings: attack -> its budget.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    eigenvalues: tuple[float, ...]
    energy: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]
    counts: dict[str, int]
    mean_gradient_norm: float
    perturbation_norms: dict[str, tuple[float, ...]]
    settings: dict[str, Any]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class SurfaceRecord:
    """Loss and decision function on a plane through one image.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        example: which of the test images.
        label: its class.
        axes: names of the two directions.
        coordinates: along both, in units of the directions.
        loss: cross-entropy; rows along the first direction.
        decision: the own logit less the largest other; likewise.
        paths: name -> places on the plane, in order.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    example: int
    label: int
    axes: tuple[str, str]
    coordinates: tuple[float, ...]
    loss: tuple[tuple[float, ...], ...]
    decision: tuple[tuple[float, ...], ...]
    paths: dict[str, tuple[tuple[float, ...], ...]]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class CurvatureRecord:
    """Jacobian of the decision function and Hessian of the loss.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        jacobian_l1, jacobian_l2: norms, of each image.
        mean_jacobian_entry: mean of |J_i| over entries and images.
        near_zero_share: of entries of the Jacobian.
        near_zero: an entry counts below so much of the image's largest.
        eigenvalues: of each image's Hessian, the largest by size first.
        mean_eigenvalue_size: mean of |lambda_i| over all; `None` where the
            whole spectrum was too large.
        decision_bends: whether the decision function has a second
            derivative; not on a network of linear pieces.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    jacobian_l1: tuple[float, ...]
    jacobian_l2: tuple[float, ...]
    mean_jacobian_entry: float
    near_zero_share: float
    near_zero: float
    eigenvalues: tuple[tuple[float, ...], ...]
    mean_eigenvalue_size: float | None
    decision_bends: bool
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class FlatnessRecord:
    """How steep the loss gets in an l-infinity ball around each image.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        epsilon: radius.
        loss: cross-entropy at the image.
        gradient_norm: l1, of the loss there.
        gamma: the largest in the ball that was found.
        worst_loss: the largest in the ball that was found.
        segment_gradient_norm: the largest on the way there.
        linearity_error: the largest distance from the tangent found.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    epsilon: float
    loss: tuple[float, ...]
    gradient_norm: tuple[float, ...]
    gamma: tuple[float, ...]
    worst_loss: tuple[float, ...]
    segment_gradient_norm: tuple[float, ...]
    linearity_error: tuple[float, ...]
    provenance: dict[str, Any]

    @property
    def theorem_1_slack(self) -> tuple[float, ...]:
        """What theorem 1 leaves: loss + epsilon * slope - worst loss."""
        rows = zip(
            self.loss, self.segment_gradient_norm, self.worst_loss, strict=True
        )
        return tuple(a + self.epsilon * slope - b for a, slope, b in rows)


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained.

    Attributes:
        configuration: every setting of the run.
        history: metric name -> value after each epoch.
        checkpoints: file name -> what it is and its validation figures.
        seconds: wall-clock time of training.
        provenance: seed, versions, revision.
    """

    configuration: dict[str, Any]
    history: dict[str, list[float]]
    checkpoints: dict[str, dict[str, Any]]
    seconds: float
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class BenchmarkRecord:
    """Times of calls that were made in turn.

    Attributes:
        suite: what was measured.
        configuration: every setting of the run.
        seconds: call -> time of each round.
        floors: call -> {bare call: how often the call can't avoid it}; bare
            calls stand in `seconds` as "bare NAME".
        provenance: seed, versions, revision.
        robust_accuracy: attack -> what it left, where attacks were timed.
        median_norm: attack -> the median norm of what broke an example;
            another library's attack stands as "LIBRARY ATTACK".
    """

    suite: str
    configuration: dict[str, Any]
    seconds: dict[str, list[float]]
    floors: dict[str, dict[str, int]]
    provenance: dict[str, Any]
    robust_accuracy: dict[str, float] = dataclasses.field(default_factory=dict)
    median_norm: dict[str, float | None] = dataclasses.field(
        default_factory=dict
    )

    def floor_seconds(self, name: str) -> tuple[float, ...]:
        """Return the floor of a call in each round."""
        counts = self.floors[name]
        columns = [self.seconds[f"bare {call}"] for call in counts]
        rounds = zip(*columns, strict=True)
        times = list(counts.values())
        return tuple(
            sum(n * t for n, t in zip(times, row, strict=True))
            for row in rounds
        )


Record = (
    EvaluationRecord
    | CurveRecord
    | TransferRecord
    | LeakingRecord
    | SurfaceRecord
    | CurvatureRecord
    | FlatnessRecord
    | TrainingRecord
    | BenchmarkRecord
)
_KINDS = {
    kind.__name__: kind
    for kind in (
        EvaluationRecord,
        CurveRecord,
        TransferRecord,
        LeakingRecord,
        SurfaceRecord,
        CurvatureRecord,
        FlatnessRecord,
        TrainingRecord,
        BenchmarkRecord,
    )
}


def ratio_of_medians(
    above: Sequence[float], below: Sequence[float]
) -> tuple[float, float, float]:
    """Return the ratio of two medians and its 95 % bootstrap interval.

    Rounds are drawn together, for a slow round is slow for both.

    Args:
        above, below: times of the same rounds.
    """
    median = statistics.median
    rounds = list(zip(above, below, strict=True))
    draw = random.Random(0)
    ratios = []
    for _ in range(1000):
        drawn = draw.choices(rounds, k=len(rounds))
        ratios.append(median(a for a, _ in drawn) / median(b for _, b in drawn))
    ratios.sort()
    return median(above) / median(below), ratios[25], ratios[974]


def confidence_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    References:
        Wilson, 1927, Journal of the American Statistical Association 22
    """
    z = 1.959964
    share = count / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(
        share * (1 - share) / total + z * z / (4 * total * total)
    )
    scale = 1 + z * z / total
    low, high = (centre - spread) / scale, (centre + spread) / scale
    # At 0 and 1 one end is the share itself, but for rounding.
    return max(0.0, low), min(1.0, high)


def write_record(record: Record, path: str | os.PathLike[str]) -> None:
    """Write a record as JSON, under a temporary name first."""
    data = {"kind": type(record).__name__, "version": VERSION}
    write_json(data | dataclasses.asdict(record), path)


def plain(config: Any) -> dict[str, Any]:
    """Return a dataclass as the plain data that JSON gives back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def write_json(data: Any, path: str | os.PathLike[str]) -> None:
    """Write JSON so that a kill leaves the old file or the new one."""
    path = pathlib.Path(path)
    text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text + "\n")
    temporary.replace(path)


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read a record that `write_record` wrote.

    Raises:
        ValueError: for a file that isn't one, or of another version.
    """
    try:
        data = json.loads(pathlib.Path(path).read_text())
        kind = _KINDS[data.pop("kind")]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is not a record of tfrobust.") from error
    version = data.pop("version")
    if version != VERSION:
        raise ValueError(
            f"{path} is a record of version {version}; this is {VERSION}."
        )
    if kind is EvaluationRecord:
        data["attacks"] = tuple(map(_attack_record, data["attacks"]))
        data["masking"] = tuple(
            CheckRecord(**check) for check in data.get("masking", ())
        )
    if kind is LeakingRecord:
        for name in ("shares", "perturbation_norms"):
            data[name] = _tuples(data[name])
    if kind is TransferRecord:
        data["accuracy"] = _matrices(data["accuracy"])
    if kind is CurvatureRecord:
        data |= _matrices({"eigenvalues": data["eigenvalues"]})
    if kind is SurfaceRecord:
        data |= _matrices({k: data[k] for k in ("loss", "decision")})
        data["paths"] = _matrices(data["paths"])
    return kind(**_tuples(data))


def _attack_record(data: dict[str, Any]) -> AttackRecord:
    # Until 2026-11-21 times stood here; now in run.json.
    data.pop("seconds", None)
    return AttackRecord(**_tuples(data))


def _matrices(data: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(map(tuple, rows)) for name, rows in data.items()}


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
