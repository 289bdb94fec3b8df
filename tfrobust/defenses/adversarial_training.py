"""Training on what an attack finds.

Madry et al., 2018, Towards deep learning models resistant to adversarial
attacks, https://arxiv.org/abs/1706.06083
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.attacks.pgd import FGSM
from tfrobust.attacks.pgd import PGD
from tfrobust.attacks.starts import Start
from tfrobust.attacks.starts import UniformStart
from tfrobust.defenses.base import RobustModel
from tfrobust.defenses.step import Terms
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import Norm
from tfrobust.threat_model import NormBall


class MixtureModel(RobustModel):
    """clean_weight * L(x, y) + (1 - clean_weight) * L(x', y)."""

    builds_attack = True
    clean_weight: float

    def set_clean_weight(self, clean_weight: float) -> None:
        """Check and keep the share of L(x, y)."""
        check_non_negative("clean_weight", clean_weight)
        if clean_weight >= 1:
            raise ValueError(
                "`clean_weight` must be below 1; use RobustModel for clean "
                f"training. Received: clean_weight={clean_weight!r}"
            )
        self.clean_weight = clean_weight

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """See base class."""
        adversarial = self.forward(x_adv)
        loss = self.classification_loss(y, adversarial.logits)
        if self.clean_weight > 0:
            clean = self.classification_loss(y, forward.logits)
            loss = self.clean_weight * clean + (1 - self.clean_weight) * loss
        return {"classification_loss": loss}, adversarial.logits


@keras.saving.register_keras_serializable("tfrobust.defenses")
class AdversarialTraining(MixtureModel):
    """L(x', y) at PGD's last iterate x', as training metrics are.

    The inner loop runs the network in inference mode, the outer loss in
    training mode.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative. Madry et al.: 0.3
            (MNIST), 8 / 255 (CIFAR-10).
        norm: 1, 2 or "inf" (default).
        step_size: of the inner ascent; default 2.5 * epsilon / num_steps.
            Madry et al.: 0.01 (MNIST), 2 / 255 (CIFAR-10).
        num_steps: of the inner ascent; default 10. Madry et al.: 40, 7.
        random_start: default `UniformStart()`; `None` starts at x.
        objective: of the inner ascent; default `CrossEntropy()`.
        clean_weight: share of L(x, y) in the loss, in [0, 1); default 0. The
            mixed PGD training of Roth et al. (2018) has one; 1/2 is ours.
        **kwargs: as `RobustModel`, but for `attack`.

    Example:

    >>> classifier = tfrobust.architectures.dense_network((4,), 3)
    >>> model = AdversarialTraining(classifier, epsilon=0.1, num_steps=5)
    >>> model.attack.step_length
    0.05
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        norm: Norm = "inf",
        step_size: float | None = None,
        num_steps: int = 10,
        random_start: Start | None = UniformStart(),
        objective: Objective = CrossEntropy(),
        clean_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        attack = PGD(
            NormBall(norm, epsilon=epsilon),
            step_size=step_size,
            num_steps=num_steps,
            random_start=random_start,
            objective=objective,
        )
        super().__init__(classifier, attack=attack, **kwargs)
        self.set_clean_weight(clean_weight)
        self.epsilon = epsilon
        self.norm = norm
        self.step_size = step_size
        self.num_steps = num_steps
        self.random_start = random_start
        self.objective = objective


@keras.saving.register_keras_serializable("tfrobust.defenses")
class FGSMTraining(MixtureModel):
    """Training on one step of steepest ascent.

    With the defaults the mixture 1/2 * L(x, y) + 1/2 * L(x', y) of Roth et
    al. (2018), where 1/2 is ours. Wong et al. (2020): clean_weight = 0,
    random_start = UniformStart(), step_size = 1.25 * epsilon; without a
    random start it is prone to catastrophic overfitting, so watch
    validation under PGD.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative.
        norm: 1, 2 or "inf" (default).
        step_size: default epsilon.
        random_start: default `None`: start at x.
        clean_weight: share of L(x, y) in the loss, in [0, 1); default 0.5.
        **kwargs: as `RobustModel`, but for `attack`.

    References:
        Goodfellow et al., 2015, https://arxiv.org/abs/1412.6572;
        Wong et al., 2020, https://arxiv.org/abs/2001.03994
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        epsilon: float,
        norm: Norm = "inf",
        step_size: float | None = None,
        random_start: Start | None = None,
        clean_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        attack = FGSM(
            NormBall(norm, epsilon=epsilon),
            step_size=step_size,
            random_start=random_start,
        )
        super().__init__(classifier, attack=attack, **kwargs)
        self.set_clean_weight(clean_weight)
        self.epsilon = epsilon
        self.norm = norm
        self.step_size = step_size
        self.random_start = random_start
