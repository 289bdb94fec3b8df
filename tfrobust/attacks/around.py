"""What attacks around another attack share."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from tfrobust.arguments import check_type
from tfrobust.attacks.base import Attack
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class Around(Attack, abc.ABC):
    """An attack in the ball of the attack that it holds.

    Args:
        attack: the one inside.
    """

    attack: Attack

    def __post_init__(self) -> None:
        check_type("attack", self.attack, Attack, example="PGD(ball)")

    @property
    def threat_model(self) -> NormBall:  # type: ignore[override]
        """The ball of the attack."""
        return self.attack.threat_model

    @property
    def most_work(self) -> int:
        """See base class; that of the attack."""
        return self.attack.most_work

    def without_bounds(self) -> Any:
        """See base class."""
        return dataclasses.replace(self, attack=self.attack.without_bounds())

    def with_radius(self, epsilon: float) -> Any:
        """See base class."""
        attack = self.attack.with_radius(epsilon)
        return dataclasses.replace(self, attack=attack)
