"""The one training step: everything below it is per example."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_choice
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_seed
from tfrobust.arguments import check_type
from tfrobust.attacks.gradient import GradientAttack
from tfrobust.defenses.adaptive import DefenseLoss
from tfrobust.defenses.batches import checked_batch
from tfrobust.defenses.batches import raise_if_batch_was_refused
from tfrobust.defenses.batches import standardize
from tfrobust.defenses.checks import as_penalties
from tfrobust.defenses.checks import check_classifier
from tfrobust.defenses.checks import check_loss
from tfrobust.defenses.checks import check_strategy
from tfrobust.defenses.checks import check_subspace
from tfrobust.defenses.step import Batch
from tfrobust.defenses.step import Step
from tfrobust.defenses.step import Terms
from tfrobust.defenses.step import trackers
from tfrobust.defenses.step import weighted_sums
from tfrobust.defenses.step import with_regularizers
from tfrobust.defenses.weight_perturbation import WeightPerturbation
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.layers.exact_normalization import warn_if_inexact
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import LABEL_SOURCES
from tfrobust.objectives import LogitsObjective
from tfrobust.objectives import Objective
from tfrobust.objectives import TrainingLoss
from tfrobust.ops.differentiation import Forward
from tfrobust.ops.replicas import replica_rows
from tfrobust.ops.sampling import BatchNoise
from tfrobust.ops.sampling import Noise
from tfrobust.penalties.base import Penalty
from tfrobust.serialization import deserialize_config
from tfrobust.threat_model import NormBall


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
        weight_decay: wd of wd * ||kernels||_2^2, added to the mean loss;
            non-negative, default 0. Kernels are weights of rank 2 or more.
        weight_perturbation: the step is taken from weights moved against
            the loss; default none. See `WeightPerturbation`.
        label_source: "true" (default) or "predicted": which class the
            attack perturbs for. Predicted labels can't leak the true one.
        bounds: box that training images must lie in, default (0, 1), or
            `None`; an `attack` has its own. For images that were projected
            once, before training.
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

    makes: tuple[str, ...] = ()
    """Arguments of its bases that a subclass makes from its own."""

    second_order = False
    """Whether the loss itself holds an input gradient."""

    def __init__(
        self,
        classifier: keras.Model,
        *,
        input_transform: keras.layers.Layer | None = None,
        attack: GradientAttack | None = None,
        penalties: Sequence[Penalty] = (),
        weight_decay: float = 0.0,
        weight_perturbation: WeightPerturbation | None = None,
        label_source: str = "true",
        bounds: tuple[float, float] | None = (0.0, 1.0),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_classifier(classifier)
        check_seed(seed)
        check_non_negative("weight_decay", weight_decay)
        check_choice("label_source", label_source, tuple(LABEL_SOURCES))
        if weight_perturbation is not None:
            check_type(
                "weight_perturbation",
                weight_perturbation,
                WeightPerturbation,
                example="WeightPerturbation(0.01)",
            )
        penalties = as_penalties(penalties)
        if input_transform is not None:
            check_type(
                "input_transform",
                input_transform,
                keras.layers.Layer,
                example="tfrobust.layers.PrincipalSubspace(20)",
            )
        if attack is not None:
            check_type("attack", attack, GradientAttack, example="PGD(ball)")
        self.classifier = classifier
        self.input_transform = input_transform
        self.attack = attack
        self.penalties = penalties
        self.penalty_layers = [a for p in penalties for a in p.layers]
        self.weight_decay = weight_decay
        self.weight_perturbation = weight_perturbation
        self.label_source = label_source
        self.bounds = NormBall(epsilon=0.0, bounds=bounds).bounds
        self.seed = seed
        self.noise_counter = self._scalar("noise_counter", "int64", "zeros")
        # What a warm-up turns; 1 leaves every number as it is.
        self.epsilon_scale = self._scalar("epsilon_scale", None, "ones")
        self.weight_scale = self._scalar("weight_scale", None, "ones")
        self.term_trackers = trackers(self.loss_terms, self.penalties)
        if self.second_order or self.penalties:
            warn_if_inexact(classifier)
        self.build(classifier.input_shape)

    def _scalar(self, name: str, dtype: Any, initializer: str) -> Any:
        return self.add_weight(
            name=name,
            shape=(),
            dtype=dtype,
            initializer=initializer,
            trainable=False,
            aggregation="only_first_replica",
        )

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
        return attack.perturb(
            self.classifier, x, y, noise, scale=self.epsilon_scale
        )

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
        check_subspace(self.input_transform, self._bounds)
        check_strategy(self)
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
        if self.attack is None:
            return self.bounds
        return self.attack.threat_model.bounds

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Take one step: transform, perturb, loss, update, metrics."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if y is None:
            raise ValueError("Training needs labels: (x, y). Received: y=None")
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        check_loss(self.loss, self.classifier)
        x, y = standardize(x, y, self.variable_dtype)
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
        labels = y
        if self.attack is not None:
            choose = LABEL_SOURCES[self.label_source]
            labels = choose(y, lambda: self.classifier(x, training=False))
        x_adv = self.perturb(x, labels, noise)

        weights = self.trainable_weights
        if not weights:
            raise ValueError(
                "Nothing to train: every layer of the classifier is frozen."
            )
        batch = Batch(x, y, x_adv, sample_weight, total_rows)
        step = first = self._differentiate(batch)
        if self.weight_perturbation is not None:
            worst = self.weight_perturbation(
                weights, first.gradients, scale=self.weight_scale
            )
            step = self._differentiate_at(worst, batch)
        self.optimizer.apply_gradients(
            zip(step.gradients, weights, strict=True)
        )
        # At the top level, once: replicas must meet here.
        for penalty in self.penalties:
            penalty.update_state(y, first.forward, noise, total_rows)
        self.noise_counter.assign_add(1)

        self._track(step, rows)
        logs = self.compute_metrics(
            x, y, step.logits, sample_weight=sample_weight
        )
        return self._joinable(logs)

    def _joinable(self, logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return logs as rows where several workers' are joined."""
        if not _has_workers(self):
            return logs
        return {name: tf.reshape(value, (1,)) for name, value in logs.items()}

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        """Build what isn't; with several workers there is nothing to build.

        Keras takes the mean of all replicas' first batches for it, which
        fails for workers (https://github.com/keras-team/keras/issues/20585),
        whose model is built, and so is the optimizer in `fit`; and for
        replicas of unlike shares, for which the shapes alone are enough.
        """
        if _has_workers(self):
            return
        if self.distribute_strategy.num_replicas_in_sync > 1:
            shape = 1, *self.classifier.input_shape[1:]
            image, label = (
                keras.KerasTensor(shape, "float32"),
                keras.KerasTensor((1,), "int64"),
            )
            iterator, data_batch = None, (image, label)
        super()._maybe_symbolic_build(iterator, data_batch)

    def _differentiate(
        self, batch: Batch, weights: Sequence[tf.Tensor] | None = None
    ) -> Step:
        """Return the loss of a batch and its gradient.

        Args:
            batch: what the loss is taken on.
            weights: what to differentiate by; default the trainable weights.
        """
        with tf.GradientTape() as tape:
            if weights is None:
                weights = self.trainable_weights
            else:
                tape.watch(weights)
            forward = self.forward(batch.x)
            terms, logits = self.compute_robust_loss(
                batch.y, forward, batch.x_adv
            )
            for penalty in self.penalties:
                terms[penalty.name] = penalty(batch.y, forward)
            sums = weighted_sums(terms, batch.sample_weight)
            for name in [*sums][1:]:
                sums[name] *= tf.cast(self.weight_scale, sums[name].dtype)
            # One mean over the global batch; optimizers sum over replicas.
            share = keras.ops.divide_no_nan(
                sum(sums.values()), tf.cast(batch.total_rows, logits.dtype)
            )
            loss = with_regularizers(share, self._regularizers())
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, weights)
        return Step(forward, logits, sums, share, loss, gradients)

    def _differentiate_at(
        self, weights: Sequence[tf.Tensor], batch: Batch
    ) -> Step:
        """Return the same with other values for the trainable weights.

        Statistics and seeds of layers move at the model's own weights only.
        """
        pairs = zip(self.trainable_weights, weights, strict=True)
        with keras.StatelessScope(
            state_mapping=list(pairs), collect_losses=True
        ):
            return self._differentiate(batch, weights)

    def _regularizers(self) -> list[tf.Tensor]:
        """Return what is added to the mean loss: layers' losses, decay."""
        if self.weight_decay == 0:
            return self.losses
        kernels = [w for w in self.trainable_weights if len(w.shape) > 1]
        squares = [keras.ops.sum(keras.ops.square(w)) for w in kernels]
        return [*self.losses, self.weight_decay * sum(squares)]

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Evaluate the classifier on clean images."""
        logs = super().test_step(data)
        own = {k: v for k, v in logs.items() if k not in self.term_trackers}
        return self._joinable(own)

    @property
    def adaptive_objective(self) -> Objective:
        """What an attack that knows the defense climbs.

        What the defense trained with, at x', and the penalties there.
        """
        if not self.penalties:
            return self.own_objective
        return DefenseLoss(self.own_objective, self.penalties)

    @property
    def own_objective(self) -> Objective:
        """The defense's loss at x' without penalties; the compiled one."""
        return self.training_objective

    @property
    def training_objective(self) -> LogitsObjective:
        """The compiled loss as an objective; cross-entropy where it is."""
        usual = keras.losses.SparseCategoricalCrossentropy
        if not isinstance(self.loss, keras.losses.Loss):
            return CrossEntropy()
        is_usual = type(self.loss) is usual
        return CrossEntropy() if is_usual else TrainingLoss(self.loss)

    def _track(self, step: Step, rows: tf.Tensor) -> None:
        """Update the means of the loss and, where it has several, terms."""
        count = tf.cast(rows, step.share.dtype)
        own_mean = keras.ops.divide_no_nan(sum(step.sums.values()), count)
        # Keras' own tracker, by its public name: another of that name would
        # hide it, and logs without it disable TerminateOnNaN.
        tracker = next(m for m in self.metrics if m.name == "loss")
        # Each replica's loss holds its share of them; the log, the whole.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        regularizers = (step.loss - step.share) * replicas
        tracker.update_state(own_mean + regularizers, sample_weight=rows)
        for name, metric in self.term_trackers.items():
            mean = keras.ops.divide_no_nan(step.sums[name], count)
            metric.update_state(mean, sample_weight=rows)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, serialized by Keras."""
        names = [n for n in _argument_names(type(self)) if n not in self.makes]
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


def _has_workers(model: keras.Model) -> bool:
    """Say whether several machines train together."""
    several = tf.distribute.MultiWorkerMirroredStrategy
    return isinstance(model.distribute_strategy, several)


def _argument_names(cls: type[RobustModel]) -> list[str]:
    """Return the named arguments of `cls`, those behind **kwargs too."""
    names: dict[str, None] = {}
    for base in cls.__mro__[: cls.__mro__.index(RobustModel) + 1]:
        names |= dict.fromkeys(inspect.signature(base).parameters)
    return [name for name in names if name not in ("self", "kwargs")]
