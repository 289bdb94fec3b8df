"""Checks of what a defense is built and compiled with."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfrobust.arguments import check_type
from tfrobust.inputs import head_activation
from tfrobust.layers.max_mahalanobis import max_mahalanobis_head
from tfrobust.layers.principal_subspace import PrincipalSubspace
from tfrobust.losses import MaxMahalanobis
from tfrobust.penalties.base import Penalty


def check_classifier(classifier: Any) -> None:
    """Raise `ValueError` unless it is a built model that returns logits."""
    if not isinstance(classifier, keras.Model) or not classifier.built:
        raise ValueError(
            "`classifier` must be a built keras.Model from images to logits; "
            "see tfrobust.as_classifier. "
            f"Received: classifier={classifier!r}"
        )
    try:
        shape = classifier.output_shape
    except AttributeError as error:
        raise ValueError(
            "`classifier` must be a functional or Sequential model, whose "
            f"shapes are known. Received: {type(classifier).__name__}"
        ) from error
    one = isinstance(shape, tuple) and not isinstance(shape[0], tuple)
    if not one or len(shape) != 2:
        raise ValueError(
            "`classifier` must have one output, logits of shape (batch, "
            f"num_classes). Received: output_shape={shape!r}"
        )
    if shape[1] == 1:
        raise ValueError(
            "`classifier` must return a logit for each class; of one sigmoid "
            "unit tfrobust.as_classifier makes two. "
            f"Received: output_shape={shape!r}"
        )
    head = head_activation(classifier)
    if head in ("softmax", "sigmoid"):
        raise ValueError(
            "`classifier` must return logits, and this one ends in a "
            f"{head}; use tfrobust.as_classifier(model). "
            f"Received: last layer {classifier.layers[-1].name!r}"
        )


def check_subspace(transform: Any, bounds: tuple[float, float] | None) -> None:
    """Raise `ValueError` if a subspace is one of images in another range."""
    if bounds is None or not isinstance(transform, PrincipalSubspace):
        return
    if not transform.built or not transform.num_examples.numpy():
        return  # it says itself that it isn't adapted
    mean = transform.mean.numpy()
    low, high = float(mean.min()), float(mean.max())
    if low < bounds[0] - 1e-3 or high > bounds[1] + 1e-3:
        raise ValueError(
            "`input_transform` must be adapted to training images, which lie "
            f"in [{bounds[0]:g}, {bounds[1]:g}]. "
            f"Received: a mean image from {low:.3g} to {high:.3g}"
        )


def as_penalties(penalties: Any) -> tuple[Penalty, ...]:
    """Return a list of penalties as a tuple, or raise `ValueError`."""
    if not isinstance(penalties, Sequence):
        raise ValueError(
            "`penalties` must be a list of Penalty objects. "
            f"Received: penalties={penalties!r}"
        )
    for penalty in penalties:
        check_type("penalties", penalty, Penalty, example="GradientL1Norm(0.1)")
    return tuple(penalties)


def _check_labels_are_integers(loss: Any, classes: int, name: str) -> None:
    """Raise `ValueError` for a loss that broadcasts labels over classes.

    With as many examples as classes it would do so silently; one more
    example shows it.
    """
    labels = tf.zeros((classes + 1,), tf.int64)
    logits = tf.zeros((classes + 1, classes))
    function = loss.call if isinstance(loss, keras.losses.Loss) else loss
    try:
        function(labels, logits)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            "The compiled loss must take integer labels (batch,) and logits "
            "(batch, num_classes), as SparseCategoricalCrossentropy does. "
            f"Received: {name}"
        ) from error


def check_loss(loss: Any, classifier: keras.Model) -> None:
    """Raise `ValueError` for a loss that would not mean what it says."""
    if isinstance(loss, MaxMahalanobis):
        # Of other logits the loss has no lower bound.
        max_mahalanobis_head(classifier)
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
    _check_labels_are_integers(loss, classifier.output_shape[-1], name)
    if config.get("ignore_class") is not None:
        raise ValueError(
            f"`ignore_class` is not supported. Received: {config!r}"
        )


def check_strategy(model: keras.Model) -> None:
    """Raise `ValueError` for what replicas can't do; build the optimizer."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    if replicas == 1:
        return
    # Keras' loss scaling makes its variables anew at each build.
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)
    refused = {
        "jit_compile": (
            model.jit_compile is True,
            "XLA can't compile what replicas exchange",
        ),
        "steps_per_execution": (
            model.steps_per_execution > 1,
            "replicas can't meet inside a loop of steps",
        ),
        "gradient_accumulation_steps": (
            model.optimizer.gradient_accumulation_steps is not None,
            "its condition would hold an exchange of replicas",
        ),
    }
    for name, (given, reason) in refused.items():
        if given:
            raise ValueError(
                f"`{name}` can't be combined with {replicas} replicas: "
                f"{reason}. Leave it out."
            )
