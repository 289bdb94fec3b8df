"""A defense that consists in one penalty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfrobust.defenses.base import RobustModel
from tfrobust.penalties.base import Penalty


class PenalizedModel(RobustModel):
    """`RobustModel` with a penalty of its own before those it is given.

    Args:
        classifier: see `RobustModel`.
        own: the penalty; of weight 0 it is left out, bit for bit.
        penalties: further penalties; default none.
        **kwargs: as `RobustModel`.
    """

    makes: tuple[str, ...] = ("own",)

    def __init__(
        self,
        classifier: keras.Model,
        *,
        own: Penalty,
        penalties: Sequence[Penalty] = (),
        **kwargs: Any,
    ) -> None:
        self_penalties = (own,) if own.weight > 0 else ()
        super().__init__(
            classifier, penalties=(*self_penalties, *penalties), **kwargs
        )
        self.own = own
        self.weight = own.weight

    def get_config(self) -> dict[str, Any]:
        """See base class; the arguments make the own penalty again."""
        config = super().get_config()
        more = self.penalties[1:] if self.weight > 0 else self.penalties
        config["penalties"] = keras.saving.serialize_keras_object(more)
        return config
