"""Signs that a model masks its gradients instead of being robust.

After Athalye, Carlini and Wagner, 2018, Obfuscated gradients give a false
sense of security, https://arxiv.org/abs/1802.00420, section 3.1, and
Carlini et al., 2019, On evaluating adversarial robustness,
https://arxiv.org/abs/1902.06705.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tfrobust.attacks import APGD
from tfrobust.attacks import Attack
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.attacks import predict_logits
from tfrobust.attacks import Square
from tfrobust.attacks import Transfer
from tfrobust.attacks.signs import change_of_logits
from tfrobust.attacks.signs import has_no_gradient
from tfrobust.evaluation.suite import attack_batches
from tfrobust.evaluation.suite import check_examples
from tfrobust.evaluation.suite import CLEAN
from tfrobust.evaluation.suite import gathered
from tfrobust.evaluation.suite import naming
from tfrobust.evaluation.suite import num_batches
from tfrobust.evaluation.suite import Outcomes
from tfrobust.evaluation.suite import Progress
from tfrobust.layers import seed_random_layers
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import Margin
from tfrobust.objectives import Objective
from tfrobust.records import CheckRecord
from tfrobust.threat_model import NormBall

Standing = Mapping[str, np.ndarray]
"""Attack -> whether each example was still classified correctly."""


@dataclasses.dataclass(frozen=True)
class Check:
    """A number that masking raises, and from where it is suspicious.

    Args:
        name: of the check.
        meaning: what the number is, in a sentence.
        suspicious, failed: the number above which it is.
    """

    name: str
    meaning: str
    suspicious: float
    failed: float

    def verdict(self, number: float) -> str:
        """Return "ok", "suspicious" or "failed"."""
        if not number <= self.failed:
            return "failed"
        return "suspicious" if number > self.suspicious else "ok"

    def record(self, number: float) -> CheckRecord:
        """Return the check's outcome."""
        return CheckRecord(
            name=self.name,
            number=round(float(number), 6),
            verdict=self.verdict(number),
            meaning=self.meaning,
        )


_FORWARD = Check(
    "random forward",
    "largest change of a logit over five passes, over the logits' spread: a "
    "random model needs gradients averaged over its randomness",
    1e-4,
    1e-2,
)
_GRADIENT = Check(
    "zero gradients",
    "share of correct images whose cross-entropy has no input gradient: "
    "there attacks on it can't move",
    0.01,
    0.1,
)
_BY_GRADIENT = ("fgsm", "pgd-10", "pgd-100", "margin", "dlr", "adaptive")
_USUAL = ("pgd-100", "margin", "dlr")
_PREFIX, SIGNS = "masking: ", "masking: signs"
_TRANSFER = "transfer from "
_COMPARED: dict[Check, Callable[[Standing], float]] = {
    Check(
        "large radius",
        "accuracy where any image may become grey, less that of always "
        "saying the commonest class",
        0.02,
        0.1,
    ): lambda s: _gain(s["large"], s["commonest"]),
    Check(
        "more steps",
        "accuracy under 100 steps less that under 10: more must not help "
        "the defender",
        0.01,
        0.05,
    ): lambda s: _gain(s["pgd-100"], s["pgd-10"]),
    Check(
        "many steps or one",
        "accuracy under 100 steps less that under one: many must be worse "
        "for the defender",
        0.01,
        0.05,
    ): lambda s: _gain(s["pgd-100"], s["fgsm"]),
    Check(
        "queries only",
        "share of images that withstand every gradient attack and fall to a "
        "random search without gradients",
        0.01,
        0.05,
    ): lambda s: float(np.mean(_worst(s, _BY_GRADIENT) & ~s["square"])),
    Check(
        "losses",
        "accuracy under cross-entropy less that under margin and DLR: "
        "saturated or distorted logits",
        0.05,
        0.15,
    ): lambda s: _gain(s["pgd-100"], s["margin"] & s["dlr"]),
}
_ADAPTIVE = Check(
    "adaptive",
    "accuracy under the usual losses less that with the defense's own loss "
    "added",
    0.02,
    0.1,
)
_FROM_OTHERS = Check(
    "transfer",
    "share of images that withstand every gradient attack and fall to "
    "points made on another model",
    0.01,
    0.05,
)


def masking_report(
    classifier: keras.Model,
    x: Any,
    y: Any,
    ball: NormBall,
    *,
    adaptive_objective: Objective | None = None,
    surrogates: Mapping[str, keras.Model] | None = None,
    seed: int = 0,
    batch_size: int = 250,
    progress: Progress | None = None,
) -> tuple[CheckRecord, ...]:
    """Look for masked gradients; l-infinity.

    Runs FGSM, PGD of 10 and 100 steps, PGD on the margin and, where it is
    known, on the adaptive objective, APGD on DLR, 1,000 queries of Square,
    and PGD on the margin at half the width of the box.

    Args:
        classifier: a Keras model from images to logits.
        x: images, shape (batch, ...), floats in the ball's box; a hundred
            or two are enough.
        y: integer labels, shape (batch,).
        ball: threat model of norm "inf", with a box.
        adaptive_objective: what the defense trained with; default unknown,
            and then there is no check "adaptive".
        surrogates: name -> other model, whose adversarial points are tried
            too; default none, and then there is no check "transfer".
        seed: of the attacks.
        batch_size: examples attacked at a time; default 250.
        progress: called with (attack name, examples done): with 0 before a
            batch, with its size after.

    Returns:
        A record of each check: number, verdict, meaning; none where no
        image is classified correctly.

    Raises:
        ValueError: for another norm or no box, or inputs that don't fit a
            model.
    """
    outcomes: Outcomes = {}
    attacks = masking_attacks(
        ball,
        adaptive_objective=adaptive_objective,
        surrogates=surrogates,
        seed=seed,
    )
    x, y = check_examples(classifier, x, y)
    for name, source in (surrogates or {}).items():
        with naming(f"Surrogate {name!r}"):
            check_examples(source, x, y)
    attack_batches(
        classifier,
        x,
        y,
        attacks,
        outcomes,
        batch_size=batch_size,
        progress=progress,
    )
    note_signs(classifier, x, y, outcomes, batch_size=batch_size)
    return masking_checks(outcomes, y)


def masking_attacks(
    ball: NormBall,
    *,
    adaptive_objective: Objective | None = None,
    surrogates: Mapping[str, keras.Model] | None = None,
    seed: int = 0,
) -> dict[str, Attack]:
    """Return the report's attacks, "masking: NAME" -> attack.

    Args:
        ball: threat model of norm "inf", with a box.
        adaptive_objective: what the defense trained with; default unknown.
        surrogates: name -> model whose points are tried; default none.
        seed: of the attacks.

    Raises:
        ValueError: for another norm than "inf" or no box.
    """
    if ball.norm != "inf" or ball.bounds is None:
        raise ValueError(
            "The masking report needs norm inf and a box. "
            f"Received: norm={ball.norm!r}, bounds={ball.bounds!r}"
        )
    low, high = ball.bounds
    grey = ball.with_epsilon((high - low) / 2)
    many = PGD(ball, num_steps=100, seed=seed)
    attacks = {
        "fgsm": FGSM(ball),
        "pgd-10": dataclasses.replace(many, num_steps=10),
        "pgd-100": many,
        "margin": dataclasses.replace(many, objective=Margin()),
        "dlr": APGD(ball, objective=DifferenceOfLogitsRatio(), seed=seed),
        "square": Square(ball, num_queries=1000, seed=seed),
        "large": PGD(grey, num_steps=40, objective=Margin(), seed=seed),
    }
    if adaptive_objective is not None:
        own = dataclasses.replace(many, objective=adaptive_objective)
        attacks["adaptive"] = own
    margin = attacks["margin"]
    for name, source in (surrogates or {}).items():
        attacks[f"{_TRANSFER}{name}"] = Transfer(
            margin, source=source, source_name=name
        )
    return {_PREFIX + name: attack for name, attack in attacks.items()}


def note_signs(
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    outcomes: Outcomes,
    *,
    batch_size: int = 250,
    batches: Iterable[int] | None = None,
) -> None:
    """Put what a few passes show into `outcomes`, an entry per batch."""
    wanted = range(num_batches(len(x), batch_size))
    for batch in wanted if batches is None else batches:
        rows = slice(batch * batch_size, (batch + 1) * batch_size)
        if batch not in wanted or (SIGNS, batch) in outcomes:
            continue
        seed_random_layers(classifier, 0, batch)
        right = predict_logits(classifier, x[rows]).argmax(1) == y[rows]
        sure = x[rows][right], y[rows][right]
        flat = has_no_gradient(classifier, *sure, CrossEntropy())
        outcomes[SIGNS, batch] = {
            "change": [round(change_of_logits(classifier, x[rows]), 7)],
            "flat": flat.tolist(),
        }


def masking_checks(
    outcomes: Outcomes, y: np.ndarray
) -> tuple[CheckRecord, ...]:
    """Return the checks of what was put into `outcomes`.

    None where no image is classified correctly: nothing can be said.
    """
    if not any(gathered(outcomes, CLEAN, "robust")):
        return ()
    ran = {name for name, _ in outcomes}
    standing = {
        name: np.array(gathered(outcomes, _PREFIX + name, "robust"))
        for name in (*_BY_GRADIENT, "square", "large")
        if _PREFIX + name in ran
    }
    transfers = {n for n in ran if n.startswith(_PREFIX + _TRANSFER)}
    standing["commonest"] = y == np.bincount(y).argmax()
    flat = gathered(outcomes, SIGNS, "flat")
    found = [
        _FORWARD.record(max(gathered(outcomes, SIGNS, "change"))),
        _GRADIENT.record(sum(flat) / max(len(flat), 1)),
    ]
    found += [c.record(number(standing)) for c, number in _COMPARED.items()]
    if "adaptive" in standing:
        usual = _worst(standing, _USUAL)
        gain = _gain(usual, usual & standing["adaptive"])
        found.append(_ADAPTIVE.record(gain))
    if transfers:
        points = [gathered(outcomes, name, "robust") for name in transfers]
        fall = ~np.logical_and.reduce(np.array(points))
        share = np.mean(_worst(standing, _BY_GRADIENT) & fall)
        found.append(_FROM_OTHERS.record(share))
    return tuple(found)


def _gain(more: np.ndarray, less: np.ndarray) -> float:
    return float(np.mean(more) - np.mean(less))


def _worst(standing: Standing, names: tuple[str, ...]) -> np.ndarray:
    """Return what stands under all of some attacks, of those that ran."""
    ran = [standing[name] for name in names if name in standing]
    return np.logical_and.reduce(ran)
