"""What replicas exchange in a training step, on paper.

From the shapes of the very variables: gradients of the trainable weights,
state that replicas keep as their mean (a covariance), and once more the
gradients where weights are perturbed. Synchronised normalisation exchanges
two moments per channel in every forward pass in training mode.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfrobust import recipes
from tfrobust import reports
from tfrobust.defenses import RobustModel
from tfrobust.experiments.provenance import provenance
from tfrobust.layers import PerturbationCovariance
from tfrobust.layers.exact_normalization import all_layers

_GPUS = 8
_BANDWIDTHS = {"NVLink, 200 GB/s": 200e9, "PCIe 4, 20 GB/s": 20e9}
_EXTRA = {"noise": {"num_components": 300, "num_noise_components": 10}}
_PERTURBED = {"trades with awp": {"awp_radius": 0.005}}


@dataclasses.dataclass(frozen=True)
class Reduced:
    """Bytes that each replica gives to reductions in a step.

    Attributes:
        gradients: of the trainable weights, in every pass that takes them.
        state: kept as a mean over replicas.
        normalisation: of synchronised batch statistics, per forward pass in
            training mode.
    """

    gradients: int
    state: int
    normalisation: int

    @property
    def total(self) -> int:
        """All of them, with one forward pass in training mode."""
        return self.gradients + self.state + self.normalisation


def reduced_bytes(model: RobustModel) -> Reduced:
    """Return what a step of a defense reduces over replicas.

    Example:

    >>> classifier = tfrobust.architectures.dense_network((4,), 3, widths=(5,))
    >>> reduced_bytes(tfrobust.defenses.RobustModel(classifier)).gradients
    172
    """
    passes = 1 if model.weight_perturbation is None else 2
    gradients = passes * sum(map(_size, model.trainable_variables))
    learned = [
        layer
        for layer in model.penalty_layers
        if isinstance(layer, PerturbationCovariance) and not layer.fixed
    ]
    state = [
        v for layer in learned for v in layer.weights if v.aggregation == "mean"
    ]
    norms = [
        layer
        for layer in all_layers(model.classifier)
        if getattr(layer, "synchronized", False)
    ]
    return Reduced(
        gradients=gradients,
        state=sum(map(_size, state)),
        normalisation=sum(2 * _size(layer.moving_mean) for layer in norms),
    )


def _size(variable: Any) -> int:
    dtype = tf.as_dtype(variable.dtype)
    return math.prod(variable.shape) * dtype.size


def ring_seconds(size: int, replicas: int, bandwidth: float) -> float:
    """Return how long a ring all-reduce of so many bytes takes.

    Each replica sends and receives 2 (n - 1) / n of them.

    Example:

    >>> ring_seconds(10**9, 8, 2e11)
    0.00875
    """
    return 2 * (replicas - 1) / replicas * size / bandwidth


def communication_page() -> str:
    """Return the table of every defense on two networks, as Markdown."""
    networks: dict[str, Callable[[], keras.Model]] = {
        "small_cnn on 28×28×1": lambda: recipes.make_architecture(
            "small_cnn", (28, 28, 1), 10
        ),
        "wide_resnet 28-10 on 32×32×3": lambda: recipes.make_architecture(
            "wide_resnet", (32, 32, 3), 10, depth=28, width=10
        ),
    }
    origin = provenance(0)
    parts = [
        "# What replicas exchange",
        "Written by `python -m tools.benchmark --suite=communication "
        f"--page=...` (revision {origin['revision']}, tensorflow "
        f"{origin['tensorflow']}, keras {origin['keras']}). On paper: from "
        "the shapes of the variables, nothing was timed. Bytes are what each "
        f"replica gives in a step; times are of a ring over {_GPUS} GPUs, "
        "2 (n - 1) / n of the bytes at the bandwidth, latency left out.",
    ]
    for name, make in networks.items():
        parts += [f"## {name}", reports.as_markdown(_rows(make))]
    parts.append(
        "The attack inside a step exchanges nothing: its input gradients are "
        "each replica's own. So a defense that ascends for K steps computes "
        "K + 1 times as much between two exchanges of the same size, and "
        "scales over replicas better than plain training does. Only a "
        "covariance that SGR learns adds bytes, 4 (2H - 1) (2W - 1) C² of the "
        "function of displacement and 4 HWC of the mean, and weight "
        "perturbation doubles the gradients."
    )
    return "\n\n".join(parts) + "\n"


def _rows(make: Callable[[], keras.Model]) -> list[list[str]]:
    rows = [["defense", "gradients MB", "state kB", "normalisation kB"]]
    rows[0] += [f"ms, {name}" for name in _BANDWIDTHS]
    for name in [*recipes.DEFENSES, *_EXTRA, *_PERTURBED]:
        found = reduced_bytes(_defense(name, make()))
        cells = [
            name,
            f"{found.gradients / 1e6:.2f}",
            f"{found.state / 1e3:.1f}",
            f"{found.normalisation / 1e3:.1f}",
        ]
        for bandwidth in _BANDWIDTHS.values():
            seconds = ring_seconds(found.total, _GPUS, bandwidth)
            cells.append(f"{1e3 * seconds:.3f}")
        rows.append(cells)
    return rows


def _defense(name: str, classifier: keras.Model) -> RobustModel:
    extra = _EXTRA | _PERTURBED
    defense = {"noise": "standard"}.get(name, name.split(" with ")[0])
    needed = dict.fromkeys(recipes.DEFENSES[defense].required, 0.1)
    return recipes.make_defense(
        defense, classifier, **needed | extra.get(name, {})
    )
