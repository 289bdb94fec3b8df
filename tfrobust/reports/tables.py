"""Records as tables of text and Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tfrobust.records import CheckRecord
from tfrobust.records import confidence_interval
from tfrobust.records import CurvatureRecord
from tfrobust.records import CurveRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import SurfaceRecord
from tfrobust.records import TransferRecord
from tfrobust.reports.effort import threat_model

Rows = list[list[str]]


def robustness_rows(records: Sequence[EvaluationRecord]) -> Rows:
    """Return header and rows: clean, each attack, worst case.

    Accuracies in percent; "worst case" is per example over all attacks.
    """
    names = list(
        dict.fromkeys(a.name for record in records for a in record.attacks)
    )
    rows = [["model", "clean", *names, "worst case"]]
    for record in records:
        attacks = {attack.name: attack for attack in record.attacks}
        cells = [
            percent(attacks[n].robust_accuracy) if n in attacks else "-"
            for n in names
        ]
        rows.append(
            [
                record.model,
                percent(record.clean_accuracy),
                *cells,
                percent(record.worst_case_accuracy),
            ]
        )
    return rows


def attack_rows(
    record: EvaluationRecord, seconds: Mapping[str, float] | None = None
) -> Rows:
    """Return header and rows: an attack each, with its 95 % interval.

    Attacks without a radius have the median norm of what broke an example.

    Args:
        record: of an evaluation.
        seconds: what each attack took; default: not shown.
    """
    seconds = seconds or {}
    medians = median_norms(record)
    total = record.num_examples
    header = ["attack", "accuracy %", "95 % interval"]
    header += ["seconds"] * bool(seconds) + ["median norm"] * bool(medians)
    rows = [header]
    outcomes = [("clean", record.clean)]
    outcomes += [(a.name, a.robust) for a in record.attacks]
    outcomes.append(("worst case", record.worst_case))
    for name, right in outcomes:
        low, high = confidence_interval(sum(right), total)
        rows.append(
            [
                name,
                percent(sum(right) / total),
                f"{percent(low)} - {percent(high)}",
                *([_tenths(seconds.get(name))] if seconds else []),
                *([medians.get(name, "")] if medians else []),
            ]
        )
    return rows


def _tenths(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def leaking_rows(record: LeakingRecord) -> Rows:
    """Return header and rows: the share at some numbers of components."""
    most = len(record.energy)
    kept = sorted({max(1, most * part // 8) for part in (1, 2, 4, 8)})
    rows = [["share in % of the first", *map(str, kept), "vectors"]]
    table = {"variance of the images": record.energy, **record.shares}
    for name, shares in table.items():
        cells = [percent(shares[d - 1]) for d in kept]
        rows.append([name, *cells, str(record.counts.get(name, ""))])
    return rows


def curvature_rows(record: CurvatureRecord) -> Rows:
    """Return header and rows: DS's indicator and what it is made of."""
    largest = [abs(values[0]) for values in record.eigenvalues]
    mean = record.mean_eigenvalue_size
    bends = "yes" if record.decision_bends else "no: linear pieces"
    return [
        ["of the decision function S and the loss", "value"],
        ["mean |J_i| of S", f"{record.mean_jacobian_entry:.4g}"],
        ["mean |lambda_i| of the loss", "-" if mean is None else f"{mean:.4g}"],
        ["median l1 norm of J", f"{statistics.median(record.jacobian_l1):.4g}"],
        ["median l2 norm of J", f"{statistics.median(record.jacobian_l2):.4g}"],
        [
            f"% of |J_i| below {record.near_zero:g} of the image's largest",
            percent(record.near_zero_share),
        ],
        ["median largest |lambda|", f"{statistics.median(largest):.4g}"],
        ["S has a second derivative", bends],
    ]


def flatness_rows(record: FlatnessRecord) -> Rows:
    """Return header and rows: medians over the images."""
    median = statistics.median
    named = {
        "loss": record.loss,
        "largest loss in the ball": record.worst_loss,
        "l1 norm of its gradient": record.gradient_norm,
        "gamma, the largest in the ball": record.gamma,
        "largest on the way to the largest loss": record.segment_gradient_norm,
        "distance from the tangent": record.linearity_error,
        "slack of theorem 1": record.theorem_1_slack,
    }
    rows = [["over the images", "median", "least", "largest"]]
    for name, values in named.items():
        numbers = median(values), min(values), max(values)
        rows.append([name, *(f"{number:.4g}" for number in numbers)])
    return rows


def curve_rows(record: CurveRecord) -> Rows:
    """Return header and rows: a radius each."""
    pairs = zip(record.epsilons, record.robust_accuracy, strict=True)
    rows = [["radius", "accuracy %"]]
    return rows + [[f"{e:.4g}", f"{100 * a:.1f}"] for e, a in pairs]


def surface_rows(record: SurfaceRecord) -> Rows:
    """Return header and rows: where along each axis the class changes."""
    middle = len(record.coordinates) // 2
    along = {
        record.axes[0]: [row[middle] for row in record.decision],
        record.axes[1]: list(record.decision[middle]),
    }
    rows = [["axis", "keeps its class from", "to", "steepest per unit"]]
    for name, values in along.items():
        low = high = middle
        while low > 0 and values[low - 1] > 0:
            low -= 1
        while high < len(values) - 1 and values[high + 1] > 0:
            high += 1
        step = record.coordinates[1] - record.coordinates[0]
        pairs = zip(values, values[1:], strict=False)
        steepest = max(abs(b - a) for a, b in pairs) / step
        at = record.coordinates
        rows.append(
            [name, f"{at[low]:.3g}", f"{at[high]:.3g}", f"{steepest:.3g}"]
        )
    return rows


def transfer_rows(record: TransferRecord, attack: str) -> Rows:
    """Return header and rows: points of a row's model, by column's model.

    Args:
        record: of a transfer matrix.
        attack: name of one of its attacks.
    """
    rows = [["points of", *record.models]]
    rows.append(["none", *map(percent, record.clean_accuracy)])
    for source, row in zip(record.models, record.accuracy[attack], strict=True):
        rows.append([source, *map(percent, row)])
    return rows


def transfer_note(record: TransferRecord, attack: str) -> str:
    """Return what the table of an attack shows, in words."""
    return (
        f"{attack}: points of the row's model, accuracy in % of the "
        f"column's, {record.num_examples} images of {record.data}"
    )


def median_norms(record: EvaluationRecord) -> dict[str, str]:
    """Return medians of what broke examples, of attacks without a radius."""
    medians = {}
    for attack in record.attacks:
        if threat_model(attack.settings).get("epsilon") != "inf":
            continue
        rows = zip(
            record.clean, attack.robust, attack.perturbation_norm, strict=True
        )
        norms = [norm for right, robust, norm in rows if right and not robust]
        median = f"{statistics.median(norms):.4g}" if norms else "-"
        medians[attack.name] = median
    return medians


def settings_lines(record: EvaluationRecord) -> list[str]:
    """Return how hard each attack tried, a line each."""
    return [attack_line(a.name, a.settings) for a in record.attacks]


def attack_line(name: str, settings: Mapping[str, Any]) -> str:
    """Return how hard an attack tries, of its settings as records have them."""
    parts = {"name": "?"} | dict(settings)
    kind = parts.pop("name")
    ball = _ball_text(parts)
    told = [ball, *(f"{k}={shown(v)}" for k, v in parts.items())]
    return f"{name}: {kind} ({', '.join(told)})"


def _ball_text(settings: dict[str, Any]) -> str:
    """Take the ball out of settings; what is no ball stays among them."""
    ball = threat_model(settings)
    if ball:
        del settings["threat_model"]
    norm, epsilon = (ball.get(name, "?") for name in ("norm", "epsilon"))
    return f"l{norm}, epsilon={shown(epsilon)}"


_MARKS = {"ok": "", "suspicious": " (?)", "failed": " (!)"}


def masking_rows(reports: Mapping[str, Sequence[CheckRecord]]) -> Rows:
    """Return header and rows: a model each, a column for every check."""
    names = [check.name for check in next(iter(reports.values()))]
    rows = [["model", *names]]
    for model, checks in reports.items():
        cells = [f"{c.number:.3f}{_MARKS[c.verdict]}" for c in checks]
        rows.append([model, *cells])
    return rows


def masking_lines(record: EvaluationRecord) -> list[str]:
    """Return the signs of masked gradients, a line each."""
    if not record.masking:
        return ["masked gradients: not looked for"]
    bad = [c for c in record.masking if c.verdict != "ok"]
    verdict = f"{len(bad)} of {len(record.masking)} checks not ok"
    return [
        f"masked gradients: {verdict}",
        *(
            f"  {c.verdict:10} {c.name} {c.number:.3f}: {c.meaning}"
            for c in record.masking
        ),
    ]


def percent(share: float) -> str:
    """Return a share in percent, with one place."""
    return f"{100 * share:.1f}"


def shown(value: object) -> str:
    """Return settings as one would write them: NAME(argument=value, ...)."""
    if isinstance(value, dict) and "name" in value:
        hidden = ("name", "threat_model")
        inner = {k: v for k, v in value.items() if k not in hidden}
        inside = ", ".join(f"{k}={shown(v)}" for k, v in inner.items())
        return f"{value['name']}({inside})" if inside else str(value["name"])
    return f"{value:g}" if isinstance(value, float) else str(value)
