"""What papers claim, and what our own numbers say of it."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import cast

import numpy as np

from tfrobust.experiments.paper_pages import mean_values
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.reproducing import read_rows
from tfrobust.experiments.reproducing import row_directory
from tfrobust.records import BenchmarkRecord
from tfrobust.records import ratio_of_medians
from tfrobust.records import read_record

Rows = Mapping[str, Mapping[str, float]]
"""Row -> title of a column -> its number."""
Finding = tuple[bool, str]
"""Whether the claim held here, and the numbers that say so."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence of a paper that a table can speak to.

    Attributes:
        text: the claim, and whose.
        paper, table: the table.
        judge: its rows -> finding; raises `KeyError` where a row is missing.
    """

    text: str
    paper: str
    table: str
    judge: Callable[[Rows], Finding]


def at_equal(rows: Rows, names: Sequence[str], x: float, title: str) -> float:
    """Return a number of some rows, drawn straight between clean accuracies.

    Args:
        rows: a table.
        names: rows of one method, over its weight.
        x: clean accuracy.
        title: of the number.

    Raises:
        KeyError: where the rows' clean accuracies don't reach `x`.
    """
    points = sorted((rows[n]["clean"], rows[n][title]) for n in names)
    clean, numbers = zip(*points, strict=True)
    if not clean[0] <= x <= clean[-1]:
        raise KeyError(f"clean accuracy {x:.1f}")
    return float(np.interp(x, clean, numbers))


def _equal_clean(rows: Rows) -> Finding:
    penalty = [n for n in rows if n.startswith("CrossEntropy")]
    jacobian = [n for n in rows if n.startswith("Ours")]
    lines, ahead = [], []
    for name in jacobian:
        clean = rows[name]["clean"]
        try:
            gaps = [
                rows[name][f"BIM {r}"]
                - at_equal(rows, penalty, clean, f"BIM {r}")
                for r in (".1", ".2", ".3")
            ]
        except KeyError:
            continue
        ahead.append(gaps[-1] > 0)
        told = ", ".join(f"{gap:+.1f}" for gap in gaps)
        lines.append(f"{name} (clean {clean:.1f} %): {told}")
    if not lines:
        raise KeyError("equal clean accuracies")
    return all(ahead), (
        "points under BIM at radii of .1, .2, .3 beyond the gradient norm's "
        "at the same clean accuracy, drawn straight between its weights: "
        + "; ".join(lines)
    )


def _best(title: str, row: str, others: Sequence[str]) -> Callable:
    """Return whether a row leads some others in a column, and by how much."""

    def judge(rows: Rows) -> Finding:
        own = rows[row][title]
        rest = {name: rows[name][title] for name in others}
        told = ", ".join(f"{n} {v:.1f}" for n, v in rest.items())
        ahead = all(own > value for value in rest.values())
        return ahead, f"{title}: {row} {own:.1f}; {told}"

    return judge


def _every(judges: Sequence[Callable[[Rows], Finding]]) -> Callable:
    def judge(rows: Rows) -> Finding:
        found = [one(rows) for one in judges]
        return all(held for held, _ in found), "; ".join(t for _, t in found)

    return judge


def _masks(row: str) -> Callable[[Rows], Finding]:
    """Return whether what PGD leaves falls to the adaptive attack."""

    def judge(rows: Rows) -> Finding:
        plain, known = rows[row]["PGD"], rows[row]["Adaptive-PGD"]
        text = f"{row}: PGD leaves {plain:.1f} %, adaptive {known:.1f} %"
        return known < plain / 2, text

    return judge


def _holds(row: str) -> Callable[[Rows], Finding]:
    """Return whether the adaptive attack finds less than a tenth more."""

    def judge(rows: Rows) -> Finding:
        plain, known = rows[row]["PGD"], rows[row]["Adaptive-PGD"]
        strongest = rows[row]["AutoAttack"]
        text = (
            f"{row}: PGD leaves {plain:.1f} %, adaptive {known:.1f} %, "
            f"AutoAttack {strongest:.1f} %"
        )
        return known > 0.9 * plain, text

    return judge


def _long_noise(rows: Rows) -> Finding:
    own, other = rows["sgr, decay length 16"], rows["gn"]
    gaps = {title: own[title] - other[title] for title in own}
    first, *_, last = gaps
    told = ", ".join(f"{title} {gap:+.1f}" for title, gap in gaps.items())
    held = gaps[last] > 0 and abs(gaps[first]) < gaps[last]
    return held, f"points beyond the gradient norm's: {told}"


def _projection(rows: Rows) -> Finding:
    base = rows["ord"]
    parts, held = [], []
    for name in ("pca 300", "noise 300"):
        ratio = rows[name]["Pert mean"] / base["Pert mean"]
        rise = rows[name]["alpha_300"] - base["alpha_300"]
        parts.append(f"{name}: {ratio:.2f} times, alpha_300 {rise:+.3f}")
        held.append(ratio >= 1.7 and rise > 0)
    return all(held), "; ".join(parts)


def _match(rows: Rows) -> Finding:
    falls = {n: rows[n]["Clean"] - rows[n]["PGD"] for n in rows}
    told = ", ".join(f"{n} by {fall:.1f} points" for n, fall in falls.items())
    held = falls["Natural"] > falls["TRADES"]
    return held, f"match rates fall under PGD: {told}"


_RIVALS = ("AT", "TRADES", "LLR")
_LFR_LEADS = _every(
    [
        _best(title, "LFR", _RIVALS)
        for title in ("FGSM", "PGD-40", "MI-FGSM", "DDNA")
    ]
)
CLAIMS = (
    Claim(
        "DS: beyond the gradient norm as the radius grows, asked at equal "
        "clean accuracy",
        "decision-surface",
        "equal-clean",
        _equal_clean,
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under every attack of its table",
        "local-flatness",
        "table-1",
        _LFR_LEADS,
    ),
    Claim(
        "LFR: the same, asked when at scale cpu it alone trains six times as "
        "long",
        "local-flatness",
        "table-1-long",
        _LFR_LEADS,
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under AutoAttack, which nobody has "
        "measured",
        "local-flatness",
        "table-1",
        _best("AutoAttack", "LFR", _RIVALS),
    ),
    Claim(
        "LFR's authors: ReLU is why CIFAR-10 fails; a smooth activation "
        "would be above it",
        "local-flatness",
        "activations",
        _best("PGD-40", "LFR, softplus", ("LFR, relu",)),
    ),
    Claim(
        "MAT: the SO term alone masks",
        "manifold-aware",
        "table-4",
        _masks("MAT, SO"),
    ),
    Claim(
        "MAT: the BIBO term alone holds under the adaptive attack",
        "manifold-aware",
        "table-4",
        _holds("MAT, BIBO"),
    ),
    Claim(
        "MAT: features of adversarial points lie off their class' clusters, "
        "less so after TRADES",
        "manifold-aware",
        "table-1",
        _match,
    ),
    Claim(
        "SGR: with a long covariance above the gradient norm under long "
        "noise, and together with it as the noise's length goes to zero",
        "structured-gradient",
        "lrc",
        _long_noise,
    ),
    Claim(
        "GL: projection and noise raise the perturbation norm 1.7 to 3.4 "
        "times, and alpha with it",
        "gradient-leaking",
        "table-2",
        _projection,
    ),
    Claim(
        "GL: MMC-P is above MMC under every attack",
        "gradient-leaking",
        "table-3",
        _every(
            [
                _best(f"{word} {radius}", "MMC-P-300", ("MMC",))
                for word in ("untargeted", "targeted")
                for radius in (8, 16, 24, 32)
            ]
        ),
    ),
)


@dataclasses.dataclass(frozen=True)
class Overhead:
    """A claim of how long a training step takes.

    Attributes:
        text: the claim, and whose.
        call, over: names of calls in the benchmark of training steps.
        most: the ratio of their medians that the claim allows.
    """

    text: str
    call: str
    over: str
    most: float

    def judge(self, record: BenchmarkRecord) -> Finding:
        """Return whether it held in a benchmark's rounds."""
        above, below = record.seconds[self.call], record.seconds[self.over]
        ratio, low, high = ratio_of_medians(above, below)
        told = f"{self.call} takes {ratio:.2f} [{low:.2f}, {high:.2f}] times"
        return ratio <= self.most, f"{told} {self.over}"


OVERHEADS = (
    Overhead(
        "DS: a step takes 2.1 times a natural one",
        *("decision_jacobian", "plain Keras", 2.1),
    ),
    Overhead(
        "SGR: very little beside the gradient norm (a tenth, by us)",
        *("sgr", "gradient_norm", 1.1),
    ),
)


def write_claims(
    records_dir: str | pathlib.Path,
    scale: str,
    page: str | pathlib.Path,
    train_step: str | pathlib.Path | None = None,
) -> None:
    """Write `claims_text` to a file.

    Args:
        records_dir, scale: as there.
        page: the file.
        train_step: of a benchmark of training steps, its record.
    """
    steps = None if train_step is None else read_record(train_step)
    text = claims_text(records_dir, scale, cast(BenchmarkRecord | None, steps))
    pathlib.Path(page).write_text(text)


def _verdict(judge: Callable[[], Finding]) -> str:
    try:
        held, told = judge()
    except KeyError as missing:
        return f"**Not run**: no number yet of {missing.args[0]}."
    return f"**{'Held' if held else 'Did not hold'}.** {told}."


def claims_text(
    records_dir: str | pathlib.Path,
    scale: str,
    train_step: BenchmarkRecord | None = None,
) -> str:
    """Return a page: each claim, whether it held, and the numbers.

    Args:
        records_dir: of the tables' rows.
        scale: of which rows.
        train_step: of training steps, for what is claimed of them; default
            none of that.
    """
    parts = [
        f"# What the papers claim, at scale {scale}",
        "Written by `python -m tools.reproduce --claims` from the records of "
        "the tables' rows; held or not, it is of this scale's networks and "
        "budgets.",
    ]
    for claim in CLAIMS:
        table = PAPERS[claim.paper][claim.table]
        where = row_directory(records_dir, claim.paper, claim.table, scale)
        rows = mean_values(table, read_rows(where))
        verdict = _verdict(functools.partial(claim.judge, rows))
        link = f"[{claim.paper}, {claim.table}]"
        path = f"{claim.paper}/{claim.table}-{scale}.md"
        parts += [f"## {claim.text}", f"{verdict} ({link}({path}))"]
    if train_step is not None:
        for overhead in OVERHEADS:
            judge = functools.partial(overhead.judge, train_step)
            parts += [f"## {overhead.text}", _verdict(judge)]
    return "\n\n".join(parts) + "\n"
