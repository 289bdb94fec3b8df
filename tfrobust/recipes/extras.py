"""What can be added to any defense, by settings with plain values."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from tfrobust import penalties
from tfrobust.defenses import WeightPerturbation

PENALTIES: dict[str, Callable[[float], penalties.Penalty]] = {
    "jacobian_weight": penalties.DecisionJacobian,
    "gradient_norm_weight": penalties.SquaredGradientNorm,
    "gradient_l1_weight": penalties.GradientL1Norm,
}
EXTRAS = (*PENALTIES, "weight_decay", "awp_radius")


def extra_arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `RobustModel`'s arguments for the extras among `settings`.

    Args:
        settings: `jacobian_weight`, `gradient_norm_weight` and
            `gradient_l1_weight` add a penalty; `weight_decay` is the
            model's; `awp_radius` adds weight perturbation.
    """
    arguments: dict[str, Any] = {}
    added = [
        make(settings[n]) for n, make in PENALTIES.items() if n in settings
    ]
    if added:
        arguments["penalties"] = added
    if "weight_decay" in settings:
        arguments["weight_decay"] = settings["weight_decay"]
    if "awp_radius" in settings:
        radius = settings["awp_radius"]
        arguments["weight_perturbation"] = WeightPerturbation(radius)
    return arguments
