"""What an attacker may do: a norm ball intersected with the input box."""

from __future__ import annotations

import dataclasses
import math

import keras
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import is_number
from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import norm
from tfrobust.ops.norms import NORMS
from tfrobust.ops.norms import scalar
from tfrobust.ops.norms import unit
from tfrobust.ops.projections import project_ball
from tfrobust.ops.sampling import Noise
from tfrobust.ops.sampling import uniform_in_ball
from tfrobust.serialization import Configurable


@keras.saving.register_keras_serializable("tfrobust")
@dataclasses.dataclass(frozen=True)
class NormBall(Configurable):
    """All x' with ||x' - x||_norm <= epsilon inside the input box.

    Because x itself lies in the box, projecting onto the ball and then
    clipping to the box stays in both.

    Args:
        norm: 1, 2 or "inf"; default "inf". Taken over all input axes of one
            example.
        epsilon: radius in input units, non-negative; 8 / 255 for the usual
            CIFAR-10 ball on images in [0, 1]. A scalar tensor is taken
            unchecked; `math.inf` is for attacks that look for the nearest
            point.
        bounds: lowest and highest value of an input; default (0, 1). `None`
            for no box, as when an input transformation may leave it.

    Raises:
        ValueError: for another norm, a negative radius or empty bounds.

    Example:

    >>> ball = NormBall("inf", epsilon=0.25)
    >>> x = tf.constant([[0.5, 0.9]])
    >>> ball.project(x + 1.0, x).numpy()
    array([[0.75, 1.  ]], dtype=float32)
    """

    norm: Norm = "inf"
    _: dataclasses.KW_ONLY
    epsilon: float
    bounds: tuple[float, float] | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.norm == float("inf"):
            object.__setattr__(self, "norm", "inf")
        check_choice("norm", self.norm, NORMS)
        if tf.is_tensor(self.epsilon) or self.epsilon != math.inf:
            check_non_negative("epsilon", self.epsilon)
        if not tf.is_tensor(self.epsilon):
            object.__setattr__(self, "epsilon", float(self.epsilon))
        if self.bounds is None:
            return
        pair = isinstance(self.bounds, tuple | list) and len(self.bounds) == 2
        numbers = pair and all(map(is_number, self.bounds))
        if not numbers or not self.bounds[0] < self.bounds[1]:
            raise ValueError(
                "`bounds` must be (low, high) with low < high, or None. "
                f"Received: bounds={self.bounds!r}"
            )
        object.__setattr__(self, "bounds", tuple(map(float, self.bounds)))
        self._check_fits_the_box()

    def _check_fits_the_box(self) -> None:
        """Raise `ValueError` for 8 where 8 / 255 was meant."""
        low, high = self.bounds  # type: ignore[misc]
        if self.norm != "inf" or tf.is_tensor(self.epsilon):
            return
        if high - low < self.epsilon < math.inf:
            raise ValueError(
                f"`epsilon` must be at most {high - low:g}, the width of the "
                "box: a radius is in the unit of the images, 8 / 255 and not "
                f"8. Received: epsilon={self.epsilon:g}"
            )

    def with_epsilon(self, epsilon: float | tf.Tensor) -> NormBall:
        """Return this ball with another radius."""
        return dataclasses.replace(self, epsilon=epsilon)

    def clip(self, x: tf.Tensor) -> tf.Tensor:
        """Return `x` clipped to the box."""
        return x if self.bounds is None else tf.clip_by_value(x, *self.bounds)

    def project(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Return `x_adv` moved into the ball around `x`, then into the box."""
        delta = project_ball(x_adv - x, self.norm, self.epsilon)
        return self.clip(x + delta)

    def random_start(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return a point uniform in the ball around `x`, then clipped."""
        direction = uniform_in_ball(x, self.norm, noise)
        return self.clip(x + scalar(self.epsilon, x.dtype) * direction)

    def steepest_ascent(self, gradient: tf.Tensor) -> tf.Tensor:
        """Return the unit vector of the norm with the largest slope.

        Its product with the gradient is the gradient's dual norm. l1: all of
        the step goes to the first entry of the largest size.
        """
        if self.norm == "inf":
            return tf.sign(gradient)
        if self.norm == 2:
            return unit(gradient, 2)
        flat = flatten(gradient)
        largest = tf.argmax(tf.abs(flat), axis=1)
        mask = tf.one_hot(largest, tf.shape(flat)[1], dtype=flat.dtype)
        return tf.reshape(tf.sign(flat) * mask, tf.shape(gradient))

    def open_gradient(self, gradient: tf.Tensor, x_adv: tf.Tensor) -> tf.Tensor:
        """Return the gradient without what the box forbids, in l1.

        An l1 step goes to one entry. If that entry stands at the box
        already, the step would be clipped away, and so would the next.
        """
        return self.inward(gradient, x_adv) if self.norm == 1 else gradient

    def inward(self, gradient: tf.Tensor, x_adv: tf.Tensor) -> tf.Tensor:
        """Return the gradient without what leads out of the box."""
        if self.bounds is None:
            return gradient
        low, high = self.bounds
        blocked = ((x_adv >= high) & (gradient > 0)) | (
            (x_adv <= low) & (gradient < 0)
        )
        return tf.where(blocked, tf.zeros_like(gradient), gradient)

    def perturbation_norm(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Return ||x_adv - x|| of each example, shape (batch,)."""
        return norm(x_adv - x, self.norm)

    def contains(
        self, x_adv: tf.Tensor, x: tf.Tensor, *, tolerance: float = 1e-6
    ) -> tf.Tensor:
        """Say for each example whether `x_adv` is in ball and box.

        Args:
            x_adv: perturbed inputs, shape (batch, ...).
            x: inputs, of the same shape.
            tolerance: slack on norm and box, relative to the largest of 1,
                epsilon and the bounds.

        Returns:
            Booleans, shape (batch,).
        """
        sizes = [1.0, float(self.epsilon), *map(abs, self.bounds or ())]
        slack = tolerance * max(s for s in sizes if math.isfinite(s))
        size = self.perturbation_norm(x_adv, x)
        inside = size <= scalar(self.epsilon + slack, size.dtype)
        if self.bounds is None:
            return inside
        low, high = self.bounds
        in_box = (x_adv >= low - slack) & (x_adv <= high + slack)
        return inside & tf.reduce_all(flatten(in_box), axis=1)
