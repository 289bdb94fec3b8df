"""Names of attacks, and suites of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from tfrobust.attacks import APGD
from tfrobust.attacks import Attack
from tfrobust.attacks import AutoAttack
from tfrobust.attacks import BIM
from tfrobust.attacks import CarliniWagner
from tfrobust.attacks import CorrelatedNoise
from tfrobust.attacks import DDN
from tfrobust.attacks import DeepFool
from tfrobust.attacks import FAB
from tfrobust.attacks import FGSM
from tfrobust.attacks import FMN
from tfrobust.attacks import GradientAttack
from tfrobust.attacks import MIFGSM
from tfrobust.attacks import MinimalBIM
from tfrobust.attacks import PGD
from tfrobust.attacks import Square
from tfrobust.attacks import TargetedAPGD
from tfrobust.attacks import TargetedFAB
from tfrobust.attacks import Transfer
from tfrobust.attacks import UniformNoise
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import Expectation
from tfrobust.objectives import LeastLikely
from tfrobust.objectives import Margin
from tfrobust.objectives import Objective
from tfrobust.objectives import Targeted
from tfrobust.objectives import TemperedCrossEntropy
from tfrobust.ops.norms import Norm
from tfrobust.recipes.arguments import pick
from tfrobust.recipes.presets import make_preset
from tfrobust.recipes.presets import preset_names
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the attacks of a suite may spend.

    Args:
        num_steps: of the iterative attacks; default 40.
        num_restarts: of those with a random start; default 1.
        step_size: in input units; default each attack's own.
        last_iterate: report last iterates of all steps on all examples, as
            many papers do, and not the best point; default False.
        seed: of random starts and noise; default 0.
        num_samples: passes that a climb averages at each point, for random
            models (expectation over transformations); default 1.
        adaptive_objective: what "adaptive" climbs: the defense's own;
            default unknown.
    """

    num_steps: int = 40
    num_restarts: int = 1
    step_size: float | None = None
    last_iterate: bool = False
    seed: int = 0
    num_samples: int = 1
    adaptive_objective: Objective | None = None


Maker = Callable[[NormBall, Budget], Attack]


def _noise(ball: NormBall, budget: Budget) -> Attack:
    return UniformNoise(ball, seed=budget.seed)


def _correlated_noise(ball: NormBall, budget: Budget) -> Attack:
    return CorrelatedNoise(ball, seed=budget.seed)


def _fgsm(ball: NormBall, budget: Budget) -> Attack:
    return FGSM(ball, keep_best=not budget.last_iterate)


def _bim(ball: NormBall, budget: Budget) -> Attack:
    return BIM(
        ball,
        step_size=budget.step_size,
        num_steps=budget.num_steps,
        keep_best=not budget.last_iterate,
    )


def _pgd(ball: NormBall, budget: Budget) -> PGD:
    return PGD(
        ball,
        step_size=budget.step_size,
        num_steps=budget.num_steps,
        num_restarts=budget.num_restarts,
        keep_best=not budget.last_iterate,
        seed=budget.seed,
    )


def _pgd_margin(ball: NormBall, budget: Budget) -> Attack:
    return dataclasses.replace(_pgd(ball, budget), objective=Margin())


def _adaptive(ball: NormBall, budget: Budget) -> Attack:
    objective = budget.adaptive_objective
    if objective is None:
        raise ValueError(
            "it climbs what a defense trained with. Expected: a model that "
            "tells, of tools.train or of the zoo. Received: a plain classifier"
        )
    return dataclasses.replace(_pgd(ball, budget), objective=objective)


def _least_likely(make: Maker, climbed: Objective = CrossEntropy()) -> Maker:
    """Return the same attack, towards the least likely class."""
    objective: dict[str, Any] = {"objective": Targeted(climbed, LeastLikely())}
    return lambda ball, budget: dataclasses.replace(  # type: ignore[type-var]
        make(ball, budget), **objective
    )


def _mi_fgsm(ball: NormBall, budget: Budget) -> Attack:
    return MIFGSM(
        ball,
        step_size=budget.step_size,
        num_steps=budget.num_steps,
        keep_best=not budget.last_iterate,
    )


def _apgd_ce(ball: NormBall, budget: Budget) -> APGD:
    return APGD(ball, keep_best=not budget.last_iterate, seed=budget.seed)


def _apgd_dlr(ball: NormBall, budget: Budget) -> Attack:
    objective = DifferenceOfLogitsRatio()
    return dataclasses.replace(_apgd_ce(ball, budget), objective=objective)


def _apgd_tempered(ball: NormBall, budget: Budget) -> Attack:
    objective = TemperedCrossEntropy()
    return dataclasses.replace(_apgd_ce(ball, budget), objective=objective)


def _apgd_t(ball: NormBall, budget: Budget) -> Attack:
    keep_best = not budget.last_iterate
    return TargetedAPGD(ball, keep_best=keep_best, seed=budget.seed)


def _fab_t(ball: NormBall, budget: Budget) -> Attack:
    del budget
    return TargetedFAB(ball)


def _fab(ball: NormBall, budget: Budget) -> Attack:
    num_restarts = budget.num_restarts
    return FAB(ball, num_restarts=num_restarts, seed=budget.seed)


def _square(ball: NormBall, budget: Budget) -> Attack:
    return Square(ball, seed=budget.seed)


def _autoattack(ball: NormBall, budget: Budget) -> Attack:
    return AutoAttack(ball, seed=budget.seed)


def _autoattack_plus(ball: NormBall, budget: Budget) -> Attack:
    return AutoAttack(ball, version="plus", seed=budget.seed)


def _autoattack_rand(ball: NormBall, budget: Budget) -> Attack:
    return AutoAttack(ball, version="rand", seed=budget.seed)


def _ddn(ball: NormBall, budget: Budget) -> Attack:
    return DDN(ball, seed=budget.seed)


ATTACKS: dict[str, Maker] = {
    "noise": _noise,
    "correlated_noise": _correlated_noise,
    "fgsm": _fgsm,
    "bim": _bim,
    "pgd": _pgd,
    "pgd_margin": _pgd_margin,
    "adaptive": _adaptive,
    "fgsm_least_likely": _least_likely(_fgsm),
    "bim_least_likely": _least_likely(_bim),
    "pgd_least_likely": _least_likely(_pgd),
    "pgd_margin_least_likely": _least_likely(_pgd, Margin()),
    "mi_fgsm": _mi_fgsm,
    "apgd_ce": _apgd_ce,
    "apgd_dlr": _apgd_dlr,
    "apgd_tempered": _apgd_tempered,
    "apgd_t": _apgd_t,
    "fab": _fab,
    "fab_t": _fab_t,
    "square": _square,
    "autoattack": _autoattack,
    "autoattack_plus": _autoattack_plus,
    "autoattack_rand": _autoattack_rand,
    "deepfool": lambda ball, _: DeepFool(ball),
    "ddn": _ddn,
    "fmn": lambda ball, _: FMN(ball),
    "carlini_wagner": lambda ball, _: CarliniWagner(ball),
    "l2_bim": lambda ball, _: MinimalBIM(ball),
}

SUITES: dict[str, tuple[str, ...]] = {
    "quick": ("noise", "fgsm", "pgd"),
    "gradient": ("pgd", "pgd_margin", "adaptive"),
    "standard": ("noise", "fgsm", "mi_fgsm", "pgd", "pgd_margin", "adaptive"),
}


def attack_names(names: Sequence[str], norm: Norm | None = None) -> list[str]:
    """Return the attacks that names of attacks, suites and presets mean.

    Args:
        names: as on a command line.
        norm: of a preset's attacks, those of this norm; default all.

    Raises:
        ValueError: for no name, an unknown one (with the nearest), or a
            preset that has no attack in this norm.
    """
    if not names:
        raise ValueError("Name at least one attack. Received: none")
    presets = preset_names(norm)
    single = dict.fromkeys(n for all_ in preset_names().values() for n in all_)
    known: dict[str, Any] = {**ATTACKS, **SUITES, **presets, **single}
    chosen: dict[str, None] = {}
    for name in names:
        pick("attack", name, known)
        meant = presets.get(name, SUITES.get(name, (name,)))
        if not meant:
            raise ValueError(f"{name} sets no attack in norm {norm}.")
        chosen |= dict.fromkeys(meant)
    return list(chosen)


def make_attacks(
    names: Sequence[str], ball: NormBall, budget: Budget
) -> dict[str, Attack]:
    """Return attacks by name, from cheap to strong in a suite.

    Args:
        names: keys of `ATTACKS`, `SUITES` or `PRESETS`, or PRESET/ATTACK;
            none make none.
        ball: the threat model of all.
        budget: what each may spend; a preset's attacks take its seed alone.

    Raises:
        ValueError: for an unknown name (with the nearest) or budget.
    """
    made = {
        _title(name, budget): _made(name, ball, budget)
        for name in (attack_names(names, ball.norm) if names else ())
        if not _is_repeated(name, names, budget)
    }
    return {n: _averaged(a, budget.num_samples) for n, a in made.items()}


def _made(name: str, ball: NormBall, budget: Budget) -> Attack:
    try:
        if "/" in name:
            return make_preset(name, ball, budget.seed)
        return ATTACKS[name](ball, budget)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _averaged(attack: Attack, num_samples: int) -> Attack:
    """Return a climb of the mean over several passes, where it climbs."""
    if num_samples == 1 or not isinstance(attack, GradientAttack):
        return attack
    mean: dict[str, Any] = {
        "objective": Expectation(attack.objective, num_samples=num_samples)
    }
    return dataclasses.replace(attack, **mean)  # type: ignore[type-var]


def make_transfers(
    sources: Mapping[str, keras.Model], ball: NormBall, budget: Budget
) -> dict[str, Attack]:
    """Return attacks by PGD on the margin of other models.

    Args:
        sources: name -> a Keras model from images to logits.
        ball: the threat model.
        budget: as of "pgd_margin".
    """
    return {
        f"transfer from {name}": Transfer(
            _pgd_margin(ball, budget), source=model, source_name=name
        )
        for name, model in sources.items()
    }


def _title(name: str, budget: Budget) -> str:
    counted = name.startswith(("pgd", "bim", "mi", "adaptive"))
    return f"{name}-{budget.num_steps}" if counted else name


def _is_repeated(name: str, names: Sequence[str], budget: Budget) -> bool:
    """Say whether a suite's adaptive attack is its PGD over again, or none."""
    usual = budget.adaptive_objective in (None, CrossEntropy())
    return name == "adaptive" and usual and name not in names
