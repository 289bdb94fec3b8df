"""The covariance of perturbations, learned during training or fixed.

Roth, Lucchi, Nowozin and Hofmann, 2018, Adversarially robust training through
structured gradient regularization, https://arxiv.org/abs/1805.08736
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.ops.norms import flatten
from tfrobust.ops.norms import scalar

_ROUNDING = 1e-5


class PerturbationCovariance(keras.layers.Layer, abc.ABC):
    """Sigma of perturbations xi of images, and its quadratic form.

    Learned: the moving second moment S <- decay * S + (1 - decay) * mean of
    xi xi' over the global batch (eq. 14), from zero, its bias corrected; the
    form is zero before the first update. Fixed: `value`, used untouched.

    Args:
        image_shape: of one image, (height, width, channels) or (D,).
        value: a fixed covariance; default `None`: learned.
        decay: beta in [0, 1); default 0.99 (ours; the authors' is lost).
        centered: subtract m m', m the moving mean of xi (eq. 12); default
            False.
        mean_variance: the learned Sigma is scaled to this mean diagonal, so
            that the penalty's weight is a noise-to-signal ratio if it is the
            data's. Default 1: comparable to the gradient norm (Sigma = I).
            `None` leaves the scale of xi.
        update_interval: update at every so manieth step; default 1.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        value: Any = None,
        decay: float = 0.99,
        centered: bool = False,
        mean_variance: float | None = 1.0,
        update_interval: int = 1,
        **kwargs: Any,
    ) -> None:
        # Sigma keeps its digits under any policy.
        policy = keras.config.dtype_policy().variable_dtype
        kwargs.setdefault("dtype", policy)
        super().__init__(**kwargs)
        if not 0 <= decay < 1:
            raise ValueError(
                f"`decay` must lie in [0, 1). Received: decay={decay!r}"
            )
        if mean_variance is not None:
            check_positive("mean_variance", mean_variance)
        check_integer("update_interval", update_interval, minimum=1)
        self.image_shape = tuple(image_shape)
        self.decay = decay
        self.centered = centered
        self.mean_variance = mean_variance
        self.update_interval = update_interval
        self.fixed = value is not None
        self.check_shape()
        self.moment = self._state("moment", self.moment_shape)
        self.mean = self._state("mean", self.image_shape)
        self.steps = self._state("steps", (), "int64")
        self.updates = self._state("updates", (), "int64")
        self.built = True
        if value is not None:
            self.moment.assign(self.check_value(np.asarray(value)))

    def _state(self, name: str, shape: Any, dtype: Any = None) -> Any:
        counter = dtype is not None
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica" if counter else "mean",
        )

    @property
    @abc.abstractmethod
    def moment_shape(self) -> tuple[int, ...]:
        """Shape of the second moment."""

    @abc.abstractmethod
    def check_shape(self) -> None:
        """Raise `ValueError` for images that this form can't take."""

    @abc.abstractmethod
    def sum_moments(self, xi: tf.Tensor) -> tf.Tensor:
        """Return the sum over examples of the second moment."""

    @abc.abstractmethod
    def form(self, moment: tf.Tensor, g: tf.Tensor) -> tf.Tensor:
        """Return g' Sigma g of each example, shape (batch,)."""

    @abc.abstractmethod
    def mean_diagonal(self, moment: tf.Tensor) -> tf.Tensor:
        """Return the mean variance of a pixel, a scalar."""

    @abc.abstractmethod
    def check_value(self, value: np.ndarray) -> np.ndarray:
        """Return a fixed covariance, or raise `ValueError`."""

    @property
    def covariance(self) -> tf.Tensor:
        """Sigma as it stands, of shape `moment_shape`."""
        moment = tf.convert_to_tensor(self.moment)
        if self.fixed:
            return moment
        # 1 - beta^t: the share of the average that isn't its start.
        t = tf.cast(self.updates, moment.dtype)
        seen = 1.0 - tf.pow(scalar(self.decay, moment.dtype), t)
        moment = tf.math.divide_no_nan(moment, seen)
        raw_size = self.mean_diagonal(moment)
        if self.centered:
            mean = tf.math.divide_no_nan(tf.convert_to_tensor(self.mean), seen)
            moment -= self.sum_moments(mean[None])
        if self.mean_variance is None:
            return moment
        size = self.mean_diagonal(moment)
        # What is left of the variance by rounding is no covariance.
        size = tf.where(size > _ROUNDING * raw_size, size, 0.0)
        return moment * tf.math.divide_no_nan(
            scalar(self.mean_variance, size.dtype), size
        )

    def quadratic_form(self, g: tf.Tensor) -> tf.Tensor:
        """Return g' Sigma g of each example, shape (batch,).

        Sigma is a constant: no gradient flows into it.

        Args:
            g: of the images' shape, (batch, ...).

        Raises:
            ValueError: for images of another shape.
        """
        self._check_images(g)
        sigma = tf.stop_gradient(self.covariance)
        return self.form(sigma, tf.cast(g, sigma.dtype))

    def update_state(
        self, xi: tf.Tensor, total_rows: tf.Tensor | None = None
    ) -> None:
        """Take the perturbations of one global batch into the averages.

        Replicas meet here, so it must stand at the top level of a train step.

        Args:
            xi: this replica's perturbations, shape (batch, ...); an example
                without one (zeros) counts, one that isn't finite is taken as
                zeros: a step that overflows must not stay in the average.
            total_rows: of the global batch; default: `xi` is all of it.
        """
        if self.fixed:
            return
        self._check_images(xi)
        xi = _finite_examples(tf.cast(xi, self.moment.dtype))
        due = tf.equal(self.steps % self.update_interval, 0)
        moment, mean = tf.cond(
            due, lambda: self._sums(xi), lambda: self._no_sums(xi)
        )
        keep = tf.where(due, scalar(self.decay, xi.dtype), 1.0)
        total = tf.shape(xi)[0] if total_rows is None else total_rows
        total = tf.maximum(tf.cast(total, xi.dtype), 1.0)
        # An assignment takes the mean over replicas: of their sums, times
        # how many they are, that is the global sum.
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        share = (1.0 - keep) * replicas / total
        self.moment.assign(keep * self.moment + share * moment)
        self.mean.assign(keep * self.mean + share * mean)
        self.updates.assign_add(tf.cast(due, tf.int64))
        self.steps.assign_add(1)

    def _sums(self, xi: tf.Tensor) -> list[tf.Tensor]:
        return [self.sum_moments(xi), tf.reduce_sum(xi, 0)]

    def _no_sums(self, xi: tf.Tensor) -> list[tf.Tensor]:
        shapes = [self.moment_shape, self.image_shape]
        return [tf.zeros(shape, xi.dtype) for shape in shapes]

    def _check_images(self, x: tf.Tensor) -> None:
        if tuple(x.shape[1:]) != self.image_shape:
            raise ValueError(
                f"This covariance is one of images of {self.image_shape}. "
                f"Received: shape={tuple(x.shape)}"
            )

    def check_value_shape(self, value: np.ndarray) -> None:
        """Raise `ValueError` for a fixed covariance of another shape."""
        if value.shape != self.moment_shape:
            raise ValueError(
                f"A fixed covariance of images of {self.image_shape} must "
                f"have shape {self.moment_shape}. "
                f"Received: shape={value.shape}"
            )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PerturbationCovariance:
        """Build the layer; a fixed value is among the weights to load."""
        config = dict(config)
        fixed = config.pop("fixed")
        layer = cls(**config)
        layer.fixed = fixed
        return layer

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; a fixed value is among the weights."""
        return super().get_config() | {
            "image_shape": self.image_shape,
            "decay": self.decay,
            "centered": self.centered,
            "mean_variance": self.mean_variance,
            "update_interval": self.update_interval,
            "fixed": self.fixed,
        }


def _finite_examples(xi: tf.Tensor) -> tf.Tensor:
    finite = tf.reduce_all(tf.math.is_finite(flatten(xi)), axis=1)
    rows = tf.reshape(finite, (-1,) + (1,) * (xi.shape.rank - 1))
    return tf.stop_gradient(tf.where(rows, xi, tf.zeros_like(xi)))
