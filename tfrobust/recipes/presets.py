"""Attacks as libraries and papers set them: PRESET/ATTACK names one.

A preset is also a suite: of its attacks, those of the norm that is asked for.
Sources: each library's own defaults (Foolbox v2.3.0 and 3.3.4, advertorch
0.2.3, CleverHans 4.0.0), papers' text and published scripts. Where
a library looks for the least radius that works, and we are given one, the
attack runs at that. What differs: MI-FGSM divides each gradient by its l1 norm
(the paper; Foolbox 3 does not), C&W looks for a standstill a tenth of a run
later, FMN's gradient is without what leads out of the box, and no radius of
DDN or FMN is capped at the box's farthest corner. AutoAttack's own settings
are `autoattack` and `apgd_ce`, `apgd_dlr`, `apgd_t`, `fab_t`, `square`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfrobust.attacks import Attack
from tfrobust.attacks import BIM
from tfrobust.attacks import CarliniWagner
from tfrobust.attacks import DDN
from tfrobust.attacks import DeepFool
from tfrobust.attacks import FGSM
from tfrobust.attacks import FMN
from tfrobust.attacks import MIFGSM
from tfrobust.attacks import MinimalBIM
from tfrobust.attacks import PGD
from tfrobust.attacks import UniformStart
from tfrobust.objectives import Margin
from tfrobust.ops.norms import Norm
from tfrobust.threat_model import NormBall

Preset = Callable[[NormBall, int], Attack]
"""(ball, seed) -> attack."""
_INF: tuple[Norm, ...] = ("inf",)
_TWO: tuple[Norm, ...] = (2,)
_BOTH: tuple[Norm, ...] = (2, "inf")


def _climb(
    kind: type[PGD],
    *,
    relative_step: float | None = None,
    step: float | None = None,
    **settings: Any,
) -> Preset:
    """Return a climb whose step is a share of the radius, or a length."""

    def make(ball: NormBall, seed: int) -> Attack:
        size = step if relative_step is None else relative_step * ball.epsilon
        return kind(ball, step_size=size, seed=seed, **settings)

    return make


def _carlini_wagner(
    searches: int, iterations: int, rate: float, constant: float
) -> Preset:
    return lambda ball, _: CarliniWagner(
        ball,
        num_searches=searches,
        max_iterations=iterations,
        learning_rate=rate,
        initial_constant=constant,
    )


def _ddn(**settings: Any) -> Preset:
    return lambda ball, seed: DDN(ball, seed=seed, **settings)


_LAST: dict[str, Any] = {"keep_best": False}
_START: dict[str, Any] = {"random_start": UniformStart()}
_NO_START: dict[str, Any] = {"random_start": None}
PRESETS: dict[str, dict[str, tuple[tuple[Norm, ...], Preset]]] = {
    "foolbox-2.3.0": {
        "pgd": (_INF, _climb(PGD, relative_step=0.01 / 0.3, **_NO_START)),
        "mi_fgsm": (_INF, _climb(MIFGSM, relative_step=0.06 / 0.3)),
        "carlini_wagner": (_TWO, _carlini_wagner(5, 1000, 5e-3, 1e-2)),
        "ddn": (_TWO, _ddn(levels=256)),
        "l2_bim": (_TWO, lambda b, _: MinimalBIM(b, root_mean_square=True)),
    },
    "foolbox-3": {
        "fgsm": (_BOTH, _climb(FGSM, **_LAST)),
        "bim": (_BOTH, _climb(BIM, relative_step=0.2, **_LAST)),
        "pgd": (_INF, _climb(PGD, relative_step=0.01 / 0.3, **_LAST)),
        "pgd_l2": (
            _TWO,
            _climb(PGD, relative_step=0.025, num_steps=50, **_LAST),
        ),
        "mi_fgsm": (_BOTH, _climb(MIFGSM, relative_step=0.2, **_LAST)),
        "carlini_wagner": (_TWO, _carlini_wagner(9, 10000, 1e-2, 1e-3)),
        "ddn": (_TWO, _ddn()),
        "deepfool": (_BOTH, lambda b, _: DeepFool(b)),
        "fmn": (_BOTH, lambda b, _: FMN(b)),
    },
    "advertorch-0.2": {
        "pgd": (_INF, _climb(PGD, step=0.01, **_LAST)),
        "mi_fgsm": (_INF, _climb(MIFGSM, step=0.01, num_steps=40, **_LAST)),
        "l2_bim": (_TWO, _climb(BIM, step=0.05, **_LAST)),
        "carlini_wagner": (_TWO, _carlini_wagner(9, 10000, 1e-2, 1e-3)),
        "ddn": (_TWO, _ddn(levels=256)),
    },
    "cleverhans": {
        "fgsm": (_BOTH, _climb(FGSM)),
        "carlini_wagner": (_TWO, _carlini_wagner(5, 1000, 5e-3, 1e-2)),
    },
    # Table 2 and figure 4a.
    "paper-gradient-leaking": {
        "carlini_wagner": (_TWO, _carlini_wagner(5, 1000, 5e-3, 1e-2)),
        "l2_bim": (_TWO, lambda b, _: MinimalBIM(b, root_mean_square=True)),
        # Table 3's PGD-50, untargeted; PGD-10 has a step for each radius.
        "pgd_margin": (
            _INF,
            _climb(
                PGD,
                step=2 / 255,
                num_steps=50,
                objective=Margin(),
                **_LAST,
            ),
        ),
    },
    # Appendix A.3, MNIST's step; CIFAR-10's is 1 / 255.
    "paper-decision-surface": {
        "fgsm": (_INF, _climb(FGSM, **_LAST)),
        "bim": (_INF, _climb(BIM, step=0.1, **_LAST)),
        "bim_margin": (
            _INF,
            _climb(BIM, step=0.1, objective=Margin(), **_LAST),
        ),
    },
    # The authors' script, MNIST; it differs from the text. Its MI-FGSM is
    # AdverTorch's, which begins at the image.
    "paper-lfr": {
        "fgsm": (_INF, _climb(FGSM, **_START, **_LAST)),
        "pgd": (_INF, _climb(PGD, step=0.01, **_LAST)),
        "mi_fgsm": (
            _INF,
            _climb(
                MIFGSM,
                step=0.01,
                num_steps=40,
                momentum=0.1,
                **_LAST,
            ),
        ),
        "ddn": (_TWO, _ddn(num_steps=20, levels=256)),
    },
}


def preset_names(norm: Norm | None = None) -> dict[str, tuple[str, ...]]:
    """Return preset -> PRESET/ATTACK names, of one norm or of all."""
    return {
        preset: tuple(
            f"{preset}/{attack}"
            for attack, (norms, _) in attacks.items()
            if norm is None or norm in norms
        )
        for preset, attacks in PRESETS.items()
    }


def make_preset(name: str, ball: NormBall, seed: int) -> Attack:
    """Return the attack of a PRESET/ATTACK name.

    Raises:
        ValueError: for a ball of a norm that it isn't set for.
    """
    preset, attack = name.split("/")
    norms, make = PRESETS[preset][attack]
    if ball.norm not in norms:
        raise ValueError(
            f"{name} is set for norm {' or '.join(map(str, norms))}. "
            f"Received: norm={ball.norm}"
        )
    return make(ball, seed)
