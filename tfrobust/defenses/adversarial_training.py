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
from tfrobust.attacks.starts import Start
from tfrobust.defenses.base import RobustModel
from tfrobust.defenses.inner_maximization import InnerMaximization
from tfrobust.defenses.step import Terms
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import Norm
from tfrobust.threat_model import NormBall


class MixtureModel(RobustModel):
    """clean_weight * L(x, y) + (1 - clean_weight) * L(x', y)."""

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
class AdversarialTraining(MixtureModel, InnerMaximization):
    """L(x', y) at PGD's last iterate x', as training metrics are.

    The inner loop runs the network in inference mode, the outer loss in
    training mode.

    Args:
        classifier: see `RobustModel`.
        epsilon: radius in input units, non-negative. Madry et al.: 0.3
            (MNIST), 8 / 255 (CIFAR-10).
        clean_weight: share of L(x, y) in the loss, in [0, 1); default 0. The
            mixed PGD training of Roth et al. (2018) has one; 1/2 is ours.
        **kwargs: norm, step_size (Madry et al.: 0.01 on MNIST, 2 / 255 on
            CIFAR-10), num_steps (40, 7), random_start and objective as
            `InnerMaximization`, the rest as `RobustModel`.

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
        clean_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(classifier, epsilon=epsilon, **kwargs)
        self.set_clean_weight(clean_weight)


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

    makes = ("attack",)

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
