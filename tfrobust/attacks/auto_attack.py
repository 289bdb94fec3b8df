"""AutoAttack: four attacks of different kinds, each on what still stands.

Croce and Hein, 2020, Reliable evaluation of adversarial robustness with an
ensemble of diverse parameter-free attacks, https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

import dataclasses
import warnings
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
from tfrobust.attacks.fab import FAB
from tfrobust.attacks.fab import TargetedFAB
from tfrobust.attacks.signs import change_of_logits
from tfrobust.attacks.signs import has_no_gradient
from tfrobust.attacks.square import Square
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import DifferenceOfLogitsRatio
from tfrobust.objectives import Expectation
from tfrobust.objectives import margin
from tfrobust.objectives import Objective
from tfrobust.threat_model import NormBall

# The authors' flags: of the spread of logits, and of the images.
_MOST_CHANGE, _MOST_BY_QUERIES = 1e-4, 0.002


def _standard(ball: NormBall, seed: int) -> tuple[Attack, ...]:
    return (
        APGD(ball, seed=seed),
        TargetedAPGD(ball, seed=seed),
        TargetedFAB(ball),
        Square(ball, seed=seed),
    )


def _plus(ball: NormBall, seed: int) -> tuple[Attack, ...]:
    dlr = DifferenceOfLogitsRatio()
    return (
        APGD(ball, num_restarts=5, seed=seed),
        APGD(ball, num_restarts=5, objective=dlr, seed=seed),
        FAB(ball, num_restarts=5, seed=seed),
        Square(ball, seed=seed),
        TargetedAPGD(ball, seed=seed),
        TargetedFAB(ball),
    )


def _rand(ball: NormBall, seed: int) -> tuple[Attack, ...]:
    losses = CrossEntropy(), DifferenceOfLogitsRatio()
    means = [Expectation(loss, num_samples=20) for loss in losses]
    return tuple(APGD(ball, objective=mean, seed=seed) for mean in means)


_VERSIONS: dict[str, Callable[[NormBall, int], tuple[Attack, ...]]] = {
    "standard": _standard,
    "plus": _plus,
    "rand": _rand,
}


@keras.saving.register_keras_serializable("tfrobust.attacks")
@dataclasses.dataclass(frozen=True)
class AutoAttack(Attack):
    """AutoAttack; each attack on what withstood those before.

    "standard": `APGD` on cross-entropy, 100 steps; `TargetedAPGD`, 9
    targets of 100 steps; `TargetedFAB`, likewise; `Square`, 5000 queries.
    "plus": `APGD` on cross-entropy, on DLR, and `FAB`, 5 restarts each; then
    `Square`, `TargetedAPGD` and `TargetedFAB` as above. "rand", for a random
    model: `APGD` on cross-entropy, then on DLR, each gradient a mean of 20.

    Warns, as the authors' code does, of a random model, of images without an
    input gradient, and where `Square` breaks more of what withstood gradients
    than 0.2 % of a batch's images that were right.

    An example that withstands all has the point of the largest margin that
    any of them found, x among them.

    Args:
        threat_model: ball of norm "inf" or 2, and box; l2 needs images of
            at least 5 x 5 pixels (`Square`).
        version: "standard" (default), "plus" or "rand".
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
        if self.threat_model.norm == 1:
            raise ValueError(
                "AutoAttack takes norm 2 or inf. "
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

    @property
    def most_work(self) -> int:
        """See base class; where nothing falls."""
        return sum(attack.most_work for attack in self.attacks)

    def search(
        self,
        classifier: Any,
        x: tf.Tensor,
        labels: tf.Tensor,
        example_ids: tf.Tensor,
    ) -> np.ndarray:
        """See base class; the point of the attack that broke an example."""
        self._warn_of_signs(classifier, x, labels)
        found, standing = x.numpy(), np.arange(len(x))
        logits = tf.constant(predict_logits(classifier, found))
        values = margin(labels, logits).numpy()
        for attack in self.attacks:
            rows = (x, attack.objective.labels(labels, logits), example_ids)
            tried = attack.search(
                classifier, *(tf.gather(t, standing) for t in rows)
            )
            y = tf.gather(labels, standing)
            tried_logits = tf.constant(predict_logits(classifier, tried))
            tried_values = margin(y, tried_logits).numpy()
            # FAB and Square leave x, or a weak point, where they fail.
            better = tried_values >= values[standing]
            found[standing[better]] = tried[better]
            values[standing[better]] = tried_values[better]
            right = ~better | np.equal(tf.argmax(tried_logits, axis=1), y)
            if isinstance(attack, Square):
                _warn_of_queries(int(np.sum(~right)), len(x))
            standing = standing[right]
            if not standing.size:
                break
        return found

    def _warn_of_signs(
        self, classifier: Any, x: tf.Tensor, labels: tf.Tensor
    ) -> None:
        """Warn where the version doesn't suit the model."""
        change = change_of_logits(classifier, x.numpy())
        if change > _MOST_CHANGE and self.version != "rand":
            warnings.warn(
                "AutoAttack: logits change from pass to pass, by up to "
                f"{change:.2g} of their spread; a random model needs "
                'version="rand".',
                stacklevel=4,
            )
        loss = DifferenceOfLogitsRatio()
        flat = has_no_gradient(classifier, x.numpy(), labels, loss)
        if flat.any():
            warnings.warn(
                f"AutoAttack: {flat.sum()} of {len(flat)} images have no "
                "input gradient, so attacks by gradients can't move there; "
                "see evaluation.masking_report.",
                stacklevel=4,
            )


def _warn_of_queries(broken: int, total: int) -> None:
    """Warn if Square broke what gradients could not."""
    if broken > _MOST_BY_QUERIES * total:
        warnings.warn(
            f"AutoAttack: Square broke {broken} of {total} images that had "
            "withstood the attacks by gradients; these may be masked, see "
            "evaluation.masking_report.",
            stacklevel=4,
        )
