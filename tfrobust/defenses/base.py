"""The one training step: everything below it is per example."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.defenses.batches import checked_batch
from tfrobust.defenses.batches import raise_if_batch_was_refused
from tfrobust.defenses.replicas import replica_rows
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import head_activation
from tfrobust.layers.exact_normalization import warn_if_inexact
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.norms import at_least_float32
from tfrobust.ops.sampling import BatchNoise
from tfrobust.ops.sampling import Noise
from tfrobust.penalties.base import Penalty
from tfrobust.serialization import deserialize_config

Terms = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable("tfrobust.defenses")
class RobustModel(keras.Model):
    """A classifier with a way of training it; plain Keras without options.

    The loss of an example is the compiled loss at x, or at the attack's x'
    where there is an attack, plus the penalties at x. Evaluation and
    prediction are the classifier's own, on the original image. Layers'
    activity regularisers count at the last point that the step looks at.

    Args:
        classifier: a built Keras model from images in [0, 1] to logits; see
            `tfrobust.as_classifier`. `model.classifier` deploys alone.
        input_transform: layer called with `training=True` on each training
            batch and never else; default none. The result may leave [0, 1],
            so the attack then has no box.
        attack: a `GradientAttack` whose last iterates are trained on;
            default none.
        penalties: `Penalty` objects, summed; default none.
        seed: of the training noise, in [0, 2**32); default 0.

    Raises:
        ValueError: for a classifier that isn't built, or arguments out of
            range; in `fit`, for a loss that isn't one of logits.

    Example:

    >>> classifier = tfrobust.architectures.dense_network((4,), 3)
    >>> model = RobustModel(classifier)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("sgd", loss, metrics=["accuracy"])
    """

    loss_terms: tuple[str, ...] = ("classification_loss",)
    """Names of what `compute_robust_loss` returns, in order."""

    builds_attack = False
    """Whether a subclass makes `attack` from arguments of its own."""

    second_order = False
    """Whether the loss itself holds an input gradient."""

    def __init__(
        self,
        classifier: keras.Model,
        *,
        input_transform: keras.layers.Layer | None = None,
        attack: GradientAttack | None = None,
        penalties: Sequence[Penalty] = (),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_classifier(classifier)
        check_seed(seed)
        penalties = _as_penalties(penalties)
        if attack is not None:
            check_type("attack", attack, GradientAttack, example="PGD(ball)")
        self.classifier = classifier
        self.input_transform = input_transform
        self.attack = attack
        self.penalties = penalties
        self.seed = seed
        self.noise_counter = self.add_weight(
            name="noise_counter",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.term_trackers = _trackers(self.loss_terms, self.penalties)
        if self.second_order or self.penalties:
            warn_if_inexact(classifier)
        self.build(classifier.input_shape)

    def build(self, input_shape: Any) -> None:
        """Nothing to build: the classifier is."""
        del input_shape
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the classifier's logits, shape (batch, num_classes)."""
        return self.classifier(inputs, training=training)

    def perturb(self, x: tf.Tensor, y: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Return the constant points that the loss is taken at besides x."""
        if self.attack is None:
            return x
        attack = self.attack
        if self.input_transform is not None:
            attack = attack.without_bounds()
        return attack.perturb(self.classifier, x, y, noise)

    def compute_robust_loss(
        self, y: tf.Tensor, forward: Forward, x_adv: tf.Tensor
    ) -> tuple[Terms, tf.Tensor]:
        """Return the terms of the loss and the logits that metrics see.

        Args:
            y: labels, shape (batch,).
            forward: the pass at x in training mode; it runs only if used.
            x_adv: what `perturb` returned.

        Returns:
            `loss_terms` -> values of shape (batch,), and logits.
        """
        if self.attack is not None:
            forward = self.forward(x_adv)
        loss = self.classification_loss(y, forward.logits)
        return {"classification_loss": loss}, forward.logits

    def forward(self, x: tf.Tensor) -> Forward:
        """Return a forward pass of the classifier in training mode."""
        return Forward(self.classifier, x, training=True)

    def classification_loss(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the compiled loss of each example, shape (batch,)."""
        if isinstance(self.loss, keras.losses.Loss):
            values = self.loss.call(y, logits)
        else:
            values = self.loss(y, logits)
        if values.shape.rank != 1:
            raise ValueError(
                "The compiled loss must return one value per example, shape "
                f"(batch,). Received: shape={values.shape}"
            )
        return values

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Train, as `keras.Model.fit`; data are checked.

        Raises:
            ValueError: for values out of range or not finite: of arrays at
                once, of a `tf.data.Dataset` at the batch that holds them
                (under `jit_compile=True` not at all: XLA drops checks).
        """
        if isinstance(x, np.ndarray | tf.Tensor):
            check_images(x, bounds=self._bounds)
        if isinstance(y, np.ndarray | tf.Tensor) and x is not None:
            classes = self.classifier.output_shape[-1]
            check_labels(y, num_examples=len(x), num_classes=classes)
        try:
            return super().fit(x, y, *args, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            raise_if_batch_was_refused(error)
            raise

    @property
    def _bounds(self) -> tuple[float, float] | None:
        """The box that training images must lie in."""
        return (
            (0.0, 1.0)
            if self.attack is None
            else self.attack.threat_model.bounds
        )

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Take one step: transform, perturb, loss, update, metrics."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if y is None:
            raise ValueError("Training needs labels: (x, y). Received: y=None")
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        _check_loss(self.loss)
        x, y = _standardize(x, y, self.variable_dtype)
        x, y = checked_batch(
            x, y, self._bounds, self.classifier.output_shape[-1]
        )
        rows = tf.shape(x)[0]
        offset, total_rows = replica_rows(rows)
        noise = BatchNoise(
            self.seed, self.noise_counter, offset=offset, total=total_rows
        )
        if self.input_transform is not None:
            x = self.input_transform(x, training=True)
        x_adv = self.perturb(x, y, noise)

        with tf.GradientTape() as tape:
            forward = self.forward(x)
            terms, logits = self.compute_robust_loss(y, forward, x_adv)
            for penalty in self.penalties:
                terms[penalty.name] = penalty(y, forward)
            sums = _weighted_sums(terms, sample_weight)
            # One mean over the global batch; optimizers sum over replicas.
            share = keras.ops.divide_no_nan(
                sum(sums.values()), tf.cast(total_rows, logits.dtype)
            )
            loss = _with_regularizers(share, self.losses)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        if not weights:
            raise ValueError(
                "Nothing to train: every layer of the classifier is frozen."
            )
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self.noise_counter.assign_add(1)

        self._track(sums, loss, share, rows)
        return self.compute_metrics(x, y, logits, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Evaluate the classifier on clean images."""
        logs = super().test_step(data)
        return {k: v for k, v in logs.items() if k not in self.term_trackers}

    def _track(
        self, sums: Terms, loss: tf.Tensor, share: tf.Tensor, rows: tf.Tensor
    ) -> None:
        """Update the means of the loss and, where it has several, terms."""
        count = tf.cast(rows, share.dtype)
        own_mean = keras.ops.divide_no_nan(sum(sums.values()), count)
        # Keras' own tracker, by its public name: another of that name would
        # hide it, and logs without it disable TerminateOnNaN.
        tracker = next(m for m in self.metrics if m.name == "loss")
        tracker.update_state(own_mean + (loss - share), sample_weight=rows)
        for name, metric in self.term_trackers.items():
            mean = keras.ops.divide_no_nan(sums[name], count)
            metric.update_state(mean, sample_weight=rows)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, serialized by Keras."""
        names = _argument_names(type(self))
        if self.builds_attack:
            names.remove("attack")
        config = {"name": self.name, "dtype": self.dtype_policy}
        config |= {name: getattr(self, name) for name in names}
        return {
            name: keras.saving.serialize_keras_object(value)
            for name, value in config.items()
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> RobustModel:
        """Build the model that `get_config` described."""
        del custom_objects
        return cls(**deserialize_config(config))


def _argument_names(cls: type[RobustModel]) -> list[str]:
    """Return the named arguments of `cls`, those behind **kwargs too."""
    names: dict[str, None] = {}
    for base in cls.__mro__[: cls.__mro__.index(RobustModel) + 1]:
        names |= dict.fromkeys(inspect.signature(base).parameters)
    return [name for name in names if name not in ("self", "kwargs")]


def _check_classifier(classifier: Any) -> None:
    if not isinstance(classifier, keras.Model) or not classifier.built:
        raise ValueError(
            "`classifier` must be a built keras.Model from images to logits; "
            "see tfrobust.as_classifier. "
            f"Received: classifier={classifier!r}"
        )
    head = head_activation(classifier)
    if head in ("softmax", "sigmoid"):
        raise ValueError(
            "`classifier` must return logits, and this one ends in a "
            f"{head}; use tfrobust.as_classifier(model). "
            f"Received: last layer {classifier.layers[-1].name!r}"
        )


def _as_penalties(penalties: Any) -> tuple[Penalty, ...]:
    if not isinstance(penalties, Sequence):
        raise ValueError(
            "`penalties` must be a list of Penalty objects. "
            f"Received: penalties={penalties!r}"
        )
    for penalty in penalties:
        check_type("penalties", penalty, Penalty, example="GradientL1Norm(0.1)")
    return tuple(penalties)


def _check_loss(loss: Any) -> None:
    """Raise `ValueError` for a loss that would not mean what it says."""
    if not callable(loss):
        raise ValueError(
            "compile() must be given a loss of logits per example, such as "
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True). "
            f"Received: loss={loss!r}"
        )
    if isinstance(loss, keras.losses.Loss):
        config = loss.get_config()
        name = type(loss).__name__
    else:
        parameters = inspect.signature(loss).parameters
        config = {n: p.default for n, p in parameters.items()}
        name = getattr(loss, "__name__", repr(loss))
    if config.get("from_logits") is False:
        raise ValueError(
            "The compiled loss must take logits, as SparseCategorical"
            "Crossentropy(from_logits=True) does. "
            f"Received: {name} with from_logits=False"
        )
    reduction = config.get("reduction", "sum_over_batch_size")
    if reduction not in ("sum_over_batch_size", "mean"):
        raise ValueError(
            "The compiled loss must have the mean over the batch as its "
            f"reduction. Received: {name} with reduction={reduction!r}"
        )
    if config.get("ignore_class") is not None:
        raise ValueError(
            f"`ignore_class` is not supported. Received: {config!r}"
        )


def _standardize(
    x: tf.Tensor, y: tf.Tensor, dtype: str
) -> tuple[tf.Tensor, tf.Tensor]:
    if not x.dtype.is_floating:
        raise ValueError(
            "Images must be floats in [0, 1]; divide integers of 0-255 by "
            f"255. Received: dtype={x.dtype.name}"
        )
    if not y.dtype.is_integer:
        raise ValueError(
            "Labels must be integers of shape (batch,). "
            f"Received: dtype={y.dtype.name}"
        )
    if y.shape.rank == 0:
        raise ValueError(
            "Data must come in batches; call dataset.batch(size). "
            "Received: labels of shape ()"
        )
    if y.shape.rank == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape.rank != 1:
        raise ValueError(
            "Labels must be integers of shape (batch,), not one-hot rows. "
            f"Received: shape={y.shape}"
        )
    return tf.cast(x, dtype), y


def _trackers(
    loss_terms: Sequence[str], penalties: Sequence[Penalty]
) -> dict[str, keras.metrics.Metric]:
    """Return a mean for each term of the loss where it has more than one."""
    names = [*loss_terms, *(penalty.name for penalty in penalties)]
    if len(set(names)) < len(names):
        raise ValueError(
            "`penalties` must differ in kind, or their logs hide each other. "
            f"Received: penalties={list(penalties)!r}"
        )
    if len(names) == 1:
        return {}
    return {name: keras.metrics.Mean(name=name) for name in names}


def _weighted_sums(terms: Terms, sample_weight: tf.Tensor | None) -> Terms:
    """Return the sum over this replica's examples of each term."""
    sums = {}
    for name, values in terms.items():
        values = at_least_float32(values)
        if sample_weight is not None:
            weight = tf.reshape(tf.cast(sample_weight, values.dtype), (-1,))
            values = values * weight
        sums[name] = keras.ops.sum(values)
    return sums


def _with_regularizers(
    loss: tf.Tensor, regularizers: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Add the layers' own losses, once in all whatever the replicas."""
    if not regularizers:
        return loss
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    own = [tf.cast(r, loss.dtype) / replicas for r in regularizers]
    return keras.ops.sum([loss, *own])
