"""AutoAttack: four attacks of different kinds, each on what still stands.

Croce and Hein, 2020, Reliable evaluation of adversarial robustness with an
ensemble of diverse parameter-free attacks, https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_seed
from tfrobust.attacks.apgd import APGD
from tfrobust.attacks.apgd import TargetedAPGD
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import check_threat_model
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.fab import TargetedFAB
from tfrobust.attacks.square import Square
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import Expectation
from tfrobust.objectives import Objective
from tfrobust.threat_model import NormBall


def _standard(ball: NormBall, seed: int) -> tuple[Attack, ...]:
    return (
        APGD(ball, seed=seed),
        TargetedAPGD(ball, seed=seed),
        TargetedFAB(ball),
        Square(ball, seed=seed),
    )


def _rand(ball: NormBall, seed: int) -> tuple[Attack, ...]:
    losses = CrossEntropy(), DifferenceOfLogitsRatio()
    means = [Expectation(loss, num_samples=20) for loss in losses]
    return tuple(APGD(ball, objective=mean, seed=seed) for mean in means)


_VERSIONS: dict[str, Callable[[NormBall, int], tuple[Attack, ...]]] = {
    "standard": _standard,
    "rand": _rand,
}


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class AutoAttack(Attack):
    """AutoAttack, l-infinity; each attack on what withstood those before.

    "standard": `APGD` on cross-entropy, 100 steps; `TargetedAPGD`, 9
    targets of 100 steps; `TargetedFAB`, likewise; `Square`, 5000 queries.
    "rand", for a random model: `APGD` on cross-entropy, then on DLR, each
    gradient a mean of 20.

    Args:
        threat_model: ball of norm "inf", and box.
        version: "standard" (default) or "rand".
        seed: of the starts and squares, in [0, 2**32); default 0.

    Example:

    >>> [type(a).__name__ for a in AutoAttack(NormBall(epsilon=0.1)).attacks]
    ['APGD', 'TargetedAPGD', 'TargetedFAB', 'Square']
    """

    threat_model: NormBall
    _: dataclasses.KW_ONLY
    version: str = "standard"
    seed: int = 0

    def __post_init__(self) -> None:
        check_threat_model(self.threat_model)
        if self.threat_model.norm != "inf":
            raise ValueError(
                "AutoAttack takes norm inf. "
                f"Received: norm={self.threat_model.norm!r}"
            )
        check_choice("version", self.version, tuple(_VERSIONS))
        check_seed(self.seed)

    @property
    def objective(self) -> Objective:
        """The cross-entropy: any wrong class is a success."""
        return CrossEntropy()

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """The attacks, in order."""
        return _VERSIONS[self.version](self.threat_model, self.seed)

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class; the point of the attack that broke an example."""
        found, standing = x.numpy(), np.arange(len(x))
        logits = tf.constant(predict_logits(classifier, found))
        for attack in self.attacks:
            rows = (x, attack.objective.labels(labels, logits), example_ids)
            found[standing] = attack.search(
                classifier, *(tf.gather(t, standing) for t in rows)
            )
            predicted = predict_logits(classifier, found[standing]).argmax(1)
            right = predicted == labels.numpy()[standing]
            standing = standing[right]
            if not standing.size:
                break
        return found
