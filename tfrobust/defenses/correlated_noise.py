"""Training on long-range correlated noise.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.defenses.adversarial_training import MixtureModel
from tfrobust.ops.norms import scalar
from tfrobust.ops.random_fields import exponential_field
from tfrobust.ops.sampling import Noise


@keras.saving.register_keras_serializable("tfrobust.defenses")
class CorrelatedNoiseTraining(MixtureModel):
    """1/2 * L(x, y) + 1/2 * L(x + n, y), n correlated over many pixels.

    n is a Gaussian field of covariance stddev^2 * exp(-distance /
    decay_length), channels independent, then clipped to the box.

    Args:
        classifier: see `RobustModel`; of images.
        stddev: in input units, non-negative.
        decay_length: zeta in pixels, positive; towards 0 it is white noise.
            The authors' exponents are lost; default 4 (ours).
        clean_weight: share of L(x, y), in [0, 1); default 0.5 (ours).
        **kwargs: as `RobustModel`, but for `attack`.
    """

    makes = ("attack",)

    def __init__(
        self,
        classifier: keras.Model,
        *,
        stddev: float,
        decay_length: float = 4.0,
        clean_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        check_non_negative("stddev", stddev)
        check_positive("decay_length", decay_length)
        shape = classifier.input_shape[1:]
        if len(shape) != 3:
            raise ValueError(
                "Correlated noise needs images of (height, width, channels). "
                f"Received: input_shape={shape}"
            )
        super().__init__(classifier, attack=None, **kwargs)
        self.stddev = stddev
        self.decay_length = decay_length
        self.set_clean_weight(clean_weight)
        self._field = exponential_field(shape, decay_length)

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """See base class; x + n, clipped to the box."""
        del y
        field = self._field(x, noise)
        size = scalar(self.stddev, x.dtype) * tf.cast(
            self.epsilon_scale, x.dtype
        )
        noisy = x + size * field
        if self.bounds is None or self.input_transform is not None:
            return noisy
        return tf.clip_by_value(noisy, *self.bounds)
