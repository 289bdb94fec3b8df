"""Whether the numbers of a paper's table bear out what it claims."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from tfrobust import reports

Rows = Mapping[str, Mapping[str, float]]
"""Row -> title of a column -> its number."""
Finding = tuple[bool, str]
"""Whether the claim held here, and the numbers that say so."""
Judge = Callable[[Rows], Finding]
"""Of a table's rows; raises `KeyError` where a row or number is missing."""


def at_equal(rows: Rows, names: Sequence[str], x: float, title: str) -> float:
    """Return a number of some rows, drawn straight between clean accuracies.

    Of rows that are equally clean the best counts.

    Args:
        rows: a table.
        names: rows of one method, over its weight.
        x: clean accuracy.
        title: of the number.

    Raises:
        KeyError: where the rows' clean accuracies don't reach `x`.
    """
    points = sorted((rows[n]["clean"], rows[n][title]) for n in names)
    clean, numbers = zip(*dict(points).items(), strict=True)
    if not clean[0] <= x <= clean[-1]:
        raise KeyError(f"clean accuracy {x:.1f}")
    return float(np.interp(x, clean, numbers))


def equal_clean(rows: Rows) -> Finding:
    """Return whether DS leads the gradient norm at equal clean accuracy."""
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


def _told(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in numbers.items())


def best(title: str, row: str, others: Sequence[str]) -> Judge:
    """Return whether a row leads some others in a column, and by how much."""

    def judge(rows: Rows) -> Finding:
        own = rows[row][title]
        rest = {name: rows[name][title] for name in others}
        told = _told(rest)
        ahead = all(own > value for value in rest.values())
        return ahead, f"{title}: {row} {own:.1f}; {told}"

    return judge


def every(judges: Sequence[Judge]) -> Judge:
    """Return whether all of several hold."""

    def judge(rows: Rows) -> Finding:
        found = [one(rows) for one in judges]
        return all(held for held, _ in found), "; ".join(t for _, t in found)

    return judge


def masks(row: str) -> Judge:
    """Return whether half of what PGD leaves, ten points, falls to adaptive."""

    def judge(rows: Rows) -> Finding:
        plain, known = rows[row]["PGD"], rows[row]["Adaptive-PGD"]
        text = f"{row}: PGD leaves {plain:.1f} %, adaptive {known:.1f} %"
        return known < plain / 2 and plain - known >= 10, text

    return judge


def holds(row: str, plain: str, *stronger: str) -> Judge:
    """Return whether each of some attacks finds less than a tenth more.

    Args:
        row: of a table.
        plain: title of a column.
        *stronger: titles of those that are to find more.
    """

    def judge(rows: Rows) -> Finding:
        least = 0.9 * rows[row][plain]
        left = {title: rows[row][title] for title in (plain, *stronger)}
        return min(left.values()) > least, f"{row} under {_told(left)}"

    return judge


def long_noise(rows: Rows) -> Finding:
    """Return whether SGR leads under noise of its length, by less if short.

    Each row of SGR meets noise of its own covariance's length.
    """
    gaps = {
        length: rows[f"sgr, decay {length}"][length] - rows["gn"][length]
        for length in ("length 0.1", "length 4", "length 16")
    }
    short, *long = gaps.values()
    told = ", ".join(f"{length} {gap:+.1f}" for length, gap in gaps.items())
    held = min(long) > 0 and abs(short) < min(long)
    return held, f"points beyond the gradient norm's: {told}"


def projection(*counts: int) -> Judge:
    """Return whether norm and alpha rise, by more the fewer components.

    Args:
        *counts: of components, falling; of the last, norms rise 1.7 times.
    """

    def judge(rows: Rows) -> Finding:
        base = rows["ord"]
        parts, held = [], []
        for method in ("pca", "noise"):
            ratios = []
            for name in (f"{method} {count}" for count in counts):
                ratios.append(rows[name]["Pert mean"] / base["Pert mean"])
                rise = rows[name]["alpha_300"] - base["alpha_300"]
                told = f"{name}: {ratios[-1]:.2f} times, alpha_300 {rise:+.3f}"
                parts.append(told)
                held.append(rise > 0)
            held += [ratios[-1] >= 1.7, ratios == sorted(set(ratios))]
        return all(held), "; ".join(parts)

    return judge


def match(rows: Rows) -> Finding:
    """Return whether attacks cost plain training more of its match rate."""
    lines, held = [], []
    for attack in ("PGD", "DDN"):
        falls = {n: rows[n]["Clean"] - rows[n][attack] for n in rows}
        told = ", ".join(f"{n} by {f:.1f} points" for n, f in falls.items())
        lines.append(f"under {attack} {told}")
        held.append(falls["Natural"] > falls["TRADES"])
    return all(held), f"match rates fall: {'; '.join(lines)}"


def beyond(rows: Rows) -> Finding:
    """Return whether DS ties the gradient norm at .1 and leads from .2 on."""
    own, other = rows["Ours"], rows["CrossEntropy"]
    gaps = {r: own[f"BIM {r}"] - other[f"BIM {r}"] for r in (".1", ".2", ".3")}
    clean = own["clean"] - other["clean"]
    told = ", ".join(f"{gap:+.1f} at {r}" for r, gap in gaps.items())
    held = abs(gaps[".1"]) < 3 and min(gaps[".2"], gaps[".3"]) > 0
    return held and clean < 0, (
        f"points under BIM beyond the gradient norm's: {told}; {clean:+.1f} "
        "clean"
    )


def at_most(most: float, title: str, *names: str) -> Judge:
    """Return whether some rows are at or below a number in a column."""

    def judge(rows: Rows) -> Finding:
        found = {name: rows[name][title] for name in names}
        told = _told(found)
        return max(found.values()) <= most, f"{title}: {told}"

    return judge


def own_points(other: str, *names: str) -> Judge:
    """Return whether rows keep at most what another keeps, each white box."""

    def judge(rows: Rows) -> Finding:
        limit = rows[other][other]
        found = {name: rows[name][name] for name in names}
        told = [
            f"{name} {left:.1f} (clean {rows[name]['test']:.1f})"
            for name, left in (found | {other: limit}).items()
        ]
        held = max(found.values()) <= limit
        return held, f"each under its own points: {', '.join(told)}"

    return judge


def leaves_what(part: str, whole: str, by: float, within: float) -> Judge:
    """Return whether knowing the whole leaves what a part of it leaves.

    Args:
        part, whole: rows.
        by: points by which PGD overstates the whole, at least.
        within: points between the two under the adaptive attack, at most.
    """

    def judge(rows: Rows) -> Finding:
        plain, known = rows[whole]["PGD"], rows[whole]["Adaptive-PGD"]
        alone = rows[part]["Adaptive-PGD"]
        text = (
            f"{whole}: PGD leaves {plain:.1f} %, adaptive {known:.1f} %; "
            f"{part}: adaptive {alone:.1f} %"
        )
        return plain - known >= by and abs(known - alone) <= within, text

    return judge


def predicts(
    roots_of: str, other: str, response: str, over: Iterable[str]
) -> Judge:
    """Return whether a response rises with a column's root, as no other.

    Its line through the root must explain more than that through another
    column.

    Args:
        roots_of, other, response: columns.
        over: all the rows; a line through some of them tells other things.
    """
    names = tuple(over)

    def judge(rows: Rows) -> Finding:
        found = [rows[name] for name in names]
        norms = [row[response] for row in found]
        root = np.sqrt([row[roots_of] for row in found])
        rest = [row[other] for row in found]
        own = reports.determination(root, norms)
        their = reports.determination(rest, norms)
        return own > their and reports.rises(root, norms), (
            f"R2 of {response} over {len(norms)} models: root of {roots_of} "
            f"{own:.3f} ({_way(root, norms)}), {other} {their:.3f} "
            f"({_way(rest, norms)})"
        )

    return judge


def _way(
    predictor: Sequence[float] | np.ndarray, response: Sequence[float]
) -> str:
    return "rising" if reports.rises(predictor, response) else "falling"
