"""What can be added to any defense, by settings with plain values."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust import penalties
from tfrobust.defenses import WeightPerturbation
from tfrobust.layers import PrincipalSubspace
from tfrobust.recipes.sgr import learned_covariance


def _structured_gradient(
    classifier: keras.Model, weight: float
) -> penalties.StructuredGradient:
    return penalties.StructuredGradient(
        weight,
        learned_covariance(classifier),
        penalties.GradientPerturbation(),
        "predicted",
    )


PENALTIES: dict[str, Callable[[keras.Model, float], penalties.Penalty]] = {
    "jacobian_weight": lambda _, weight: penalties.DecisionJacobian(weight),
    "gradient_norm_weight": lambda _, w: penalties.SquaredGradientNorm(w),
    "gradient_l1_weight": lambda _, weight: penalties.GradientL1Norm(weight),
    "structured_gradient_weight": _structured_gradient,
}
SUBSPACE = ("num_components", "num_noise_components", "noise_scale")
EXTRAS = (*PENALTIES, "weight_decay", "awp_radius", *SUBSPACE)


def extra_arguments(
    classifier: keras.Model, settings: Mapping[str, Any], seed: int = 0
) -> dict[str, Any]:
    """Return `RobustModel`'s arguments for the extras among `settings`.

    Args:
        classifier: what is trained.
        settings: `num_components` projects training images on so many
            principal components, with noise in `num_noise_components`
            (default 0) more, of `noise_scale` (default 10);
            `jacobian_weight`, `gradient_norm_weight`, `gradient_l1_weight`
            and `structured_gradient_weight` (SGR's, learned from gradients)
            add a penalty; `weight_decay` is the model's; `awp_radius` adds
            weight perturbation.
        seed: of the noise beside a projection; default 0.
    """
    arguments: dict[str, Any] = {}
    if any(name in settings for name in SUBSPACE):
        arguments["input_transform"] = _subspace(settings, seed)
    added = [
        make(classifier, settings[name])
        for name, make in PENALTIES.items()
        if name in settings
    ]
    if added:
        arguments["penalties"] = added
    if "weight_decay" in settings:
        arguments["weight_decay"] = settings["weight_decay"]
    if "awp_radius" in settings:
        radius = settings["awp_radius"]
        arguments["weight_perturbation"] = WeightPerturbation(radius)
    return arguments


def _subspace(settings: Mapping[str, Any], seed: int) -> PrincipalSubspace:
    """Return the layer, which must still be adapted to training images."""
    if "num_components" not in settings:
        given = {k: settings[k] for k in SUBSPACE if k in settings}
        raise ValueError(
            "A projection needs num_components, of how many it is made. "
            f"Received: {given}"
        )
    if "noise_scale" in settings and not settings.get("num_noise_components"):
        raise ValueError(
            "noise_scale needs num_noise_components, in how many there is "
            f"noise. Received: noise_scale={settings['noise_scale']}"
        )
    return PrincipalSubspace(
        settings["num_components"],
        num_noise_components=settings.get("num_noise_components", 0),
        noise_scale=settings.get("noise_scale", 10.0),
        seed=seed,
    )
