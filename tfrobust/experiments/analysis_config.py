"""What an analysis depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from tfrobust import recipes
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.threat_model import NormBall

Radius = float | Literal["inf"] | None
SECOND_AXES = ("random", "least likely")


@dataclasses.dataclass(frozen=True)
class Attacked:
    """Whose points an analysis looks at unless told.

    Attributes:
        attacks: names of attacks.
        norm: of their ball.
        epsilon: its radius; `None` for the data's usual.
    """

    attacks: tuple[str, ...] = ("pgd",)
    norm: Norm = "inf"
    epsilon: Radius = None


# Analyses by name, with the attacks that their papers look at.
USUAL: dict[str, Attacked] = {
    "gradient_leaking": Attacked(("ddn",), 2, "inf"),
    "surface": Attacked(("bim",)),
    "weight_surface": Attacked(()),
    "curvature": Attacked(()),
    "curvature_path": Attacked(("pgd",)),
    "flatness": Attacked(()),
    "features": Attacked(("pgd",)),
    "covariance": Attacked(("pgd",)),
    "noise": Attacked(()),
    "examples": Attacked(("pgd",)),
    "radius": Attacked(("pgd",)),
    "poisoning": Attacked(()),
    "parabola": Attacked(()),
    "sine_surface": Attacked(()),
}
_ATTACKED = ("attacks", "norm", "epsilon")
# What an analysis can be told beside model, images, seed and batch size.
SETTINGS: dict[str, tuple[str, ...]] = {
    "gradient_leaking": (*_ATTACKED, "num_components"),
    "surface": (*_ATTACKED, "example", "reach", "resolution", "second_axis"),
    "weight_surface": ("reach", "resolution"),
    "curvature": (),
    "curvature_path": _ATTACKED,
    "flatness": ("reach",),
    "features": (*_ATTACKED, "num_clusters"),
    "covariance": _ATTACKED,
    "noise": ("norm", "epsilon", "decay_lengths"),
    "examples": _ATTACKED,
    "radius": (*_ATTACKED, "epsilons"),
    "poisoning": ("num_components", "component", "amplitudes", "epochs"),
    "parabola": ("normal_noise",),
    "sine_surface": ("normal_noise",),
}
# These train models of their own.
WITHOUT_MODEL = ("poisoning", "parabola", "sine_surface")


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """Everything an analysis depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file; "" for those of `WITHOUT_MODEL`.
        analysis: a key of `USUAL`.
        data, data_dir, image_size: as in `EvaluationConfig`.
        num_examples: the first so many test images; default 500.
        num_components: of the training images; default all, at most 1,000.
        attacks: whose points are looked at, or of a surface whose paths;
            default the analysis' own.
        norm, epsilon: of their ball; default the analysis' own.
        example: the test image that a surface is drawn around; default 0.
        reach: of a surface, or radius of flatness, in pixels; default the
            data's usual radius. Of a weight surface, in units of its
            directions; default 1.
        resolution: points along each axis of a surface; default 41.
        second_axis: "random" or "least likely"; the first is the loss
            gradient's.
        num_clusters: of features; default as many as classes.
        decay_lengths: of noise, in pixels; default 0.5, 1, 2, 4, 8.
        epsilons: radii that accuracy is shown against, rising, in pixels;
            default nine up to twice the ball's.
        normal_noise: of a toy's training points, along their normal; default
            0.
        component: along which images are poisoned, from 1; default the first
            after those that hold 99 % of the variance.
        amplitudes: of the poison, l2; default 0.25, 0.5, 1.
        epochs: of each training on poisoned images; default 5.
        seed, batch_size: as in `EvaluationConfig`.
    """

    model: str = ""
    analysis: str = "gradient_leaking"
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    num_examples: int = 500
    num_components: int | None = None
    attacks: Sequence[str] | None = None
    norm: Norm | None = None
    epsilon: Radius = None
    example: int = 0
    reach: float | None = None
    resolution: int = 41
    second_axis: str = "random"
    num_clusters: int | None = None
    decay_lengths: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0)
    epsilons: Sequence[float] = ()
    normal_noise: float = 0.0
    component: int | None = None
    amplitudes: Sequence[float] = (0.25, 0.5, 1.0)
    epochs: int = 5
    seed: int = 0
    batch_size: int = 250

    def __post_init__(self) -> None:
        check_choice("analysis", self.analysis, tuple(USUAL))
        self._check_model()
        for name in ("num_examples", "batch_size", "epochs"):
            check_integer(name, getattr(self, name), minimum=1)
        for name in ("num_components", "num_clusters", "component"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        if self.epsilon == float("inf"):  # which JSON does not know
            object.__setattr__(self, "epsilon", "inf")
        if self.epsilon not in (None, "inf"):
            check_positive("epsilon", self.epsilon)
        check_integer("example", self.example, minimum=0)
        check_integer("resolution", self.resolution, minimum=2)
        check_choice("second_axis", self.second_axis, SECOND_AXES)
        if self.reach is not None:
            check_positive("reach", self.reach)
        check_non_negative("normal_noise", self.normal_noise)
        for name in ("decay_lengths", "amplitudes"):
            for value in getattr(self, name):
                check_positive(name, value)
        for epsilon in self.epsilons:
            check_non_negative("epsilons", epsilon)
            NormBall(self.ball.norm, epsilon=epsilon)
        if list(self.epsilons) != sorted(set(self.epsilons)):
            raise ValueError(
                f"`epsilons` must rise. Received: {tuple(self.epsilons)}"
            )
        norm = self.ball.norm
        if self.attack_list:  # an analysis may be of clean images alone
            attack_names(self.attack_list, norm)
        self._check_used()

    def _check_used(self) -> None:
        """Raise `ValueError` for what is set and would not be looked at."""
        special = {name for names in SETTINGS.values() for name in names}
        unused = special - set(SETTINGS[self.analysis])
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            # From JSON, tuples come as lists.
            value = tuple(value) if isinstance(value, list) else value
            if field.name in unused and value != field.default:
                raise ValueError(
                    f"{self.analysis} does not use `{field.name}`. "
                    f"Received: {field.name}={value!r}"
                )

    def _check_model(self) -> None:
        needs = self.analysis not in WITHOUT_MODEL
        if needs != bool(self.model):
            wanted = "needs a model" if needs else "trains models of its own"
            raise ValueError(
                f"{self.analysis} {wanted}. Received: model={self.model!r}"
            )

    @property
    def usual_radius(self) -> float:
        """The data's."""
        return recipes.data_defaults(self.data).epsilon

    @property
    def attack_list(self) -> tuple[str, ...]:
        """Names of the attacks asked for, or the analysis' own."""
        usual = USUAL[self.analysis].attacks
        return usual if self.attacks is None else tuple(self.attacks)

    @property
    def ball(self) -> NormBall:
        """The threat model asked for, or the analysis' own."""
        usual = USUAL[self.analysis]
        norm = usual.norm if self.norm is None else self.norm
        epsilon = self.epsilon
        if epsilon is None and self.epsilons:
            epsilon = max(self.epsilons)
        if epsilon is None and norm == usual.norm:
            epsilon = usual.epsilon
        if epsilon is None:
            recipes.check_radius_is_given(norm, None)
            epsilon = self.usual_radius
        return NormBall(norm, epsilon=float(epsilon))
