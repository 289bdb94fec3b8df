"""Everything an evaluation depends on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from tfrobust import recipes
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Everything an evaluation depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file.
        data: name of an image set.
        data_dir: where prepared sets are; default as `recipes.load_data`.
        image_size: (height, width) to resize to; default as they are.
        split: "test" (default), "train", or "validation" where the data
            have one.
        num_examples: the first so many; default all.
        attacks: names of attacks and suites, in order.
        norm: 1, 2 or "inf".
        epsilon: radius in input units, or "inf" for attacks that look for
            the nearest point; default the data's.
        num_steps, num_restarts, step_size, last_iterate, seed,
        num_samples: see `recipes.Budget`.
        batch_size: examples attacked at a time; default 250.
        masking_examples: on how many to look for masked gradients, in
            l-infinity; default 200, 0 for not at all.
        surrogates: paths of `.keras` files of other models, whose
            adversarial points are tried on this one; default none.
        bfloat16: whether attacks climb a copy in bfloat16, each success
            confirmed in float32; default False.
    """

    model: str
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    split: str = "test"
    num_examples: int | None = None
    attacks: Sequence[str] = ("standard",)
    norm: Norm = "inf"
    epsilon: float | Literal["inf"] | None = None
    num_steps: int = 40
    num_restarts: int = 1
    step_size: float | None = None
    last_iterate: bool = False
    seed: int = 0
    num_samples: int = 1
    batch_size: int = 250
    masking_examples: int = 200
    surrogates: Sequence[str] = ()
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.epsilon == math.inf:  # which JSON does not know
            object.__setattr__(self, "epsilon", "inf")
        recipes.check_radius_is_given(self.norm, self.epsilon)
        attack_names(self.attacks, self.norm)
        check_choice("split", self.split, ("test", "train", "validation"))
        for name in ("num_examples", "epsilon", "step_size"):
            if getattr(self, name) not in (None, "inf"):
                check_positive(name, getattr(self, name))
        for name in ("num_steps", "num_restarts", "batch_size", "num_samples"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("masking_examples", self.masking_examples, minimum=0)
        NormBall(self.norm, epsilon=self.radius)

    @property
    def radius(self) -> float:
        """The radius asked for, or the data's usual one."""
        if self.epsilon is not None:
            return float(self.epsilon)
        return recipes.data_defaults(self.data).epsilon

    @property
    def ball(self) -> NormBall:
        """The threat model asked for."""
        return NormBall(self.norm, epsilon=self.radius)
