"""The model that a training trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust import data as data_room
from tfrobust import recipes
from tfrobust.defenses import RobustModel
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.schedules import ConstantThenLinear


def build_model(
    config: TrainingConfig, data: data_room.ImageData, steps: int
) -> RobustModel:
    """Return the compiled defense."""
    name = config.architecture or recipes.data_defaults(data.name).architecture
    if config.standardize:
        recipes.check_standardizes(name)
    classifier = recipes.make_architecture(
        name,
        data.image_shape,
        data.num_classes,
        activation=config.activation,
        depth=config.depth,
        width=config.width,
        dropout=config.dropout,
        **(_moments(data.train) if config.standardize else {}),
    )
    model = recipes.make_defense(
        config.defense, classifier, seed=config.seed, **config.settings
    )
    _check_warm_ups(config, model)
    rate: Any = config.learning_rate
    if config.constant_epochs is not None:
        rate = ConstantThenLinear(
            rate,
            constant_steps=config.constant_epochs * steps,
            total_steps=config.epochs * steps,
        )
    optimizer = (
        keras.optimizers.Adam(rate)
        if config.optimizer == "adam"
        else keras.optimizers.SGD(rate, momentum=0.9)
    )
    model.compile(
        optimizer,
        recipes.make_loss(config.defense),
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def _moments(split: data_room.Split) -> dict[str, list[float]]:
    """Return mean and variance of each channel, in input units."""
    axes = tuple(range(split.x.ndim - 1))
    sums, squares = 0.0, 0.0
    for images in image_batches(split):
        pixels = np.asarray(images, np.float64)
        sums += pixels.sum(axes)
        squares += (pixels**2).sum(axes)
    count = split.x.size / split.x.shape[-1]
    mean = sums / count
    variance = squares / count - mean**2
    return {"mean": mean.tolist(), "variance": variance.tolist()}


def augmentation(
    config: TrainingConfig, image_shape: tuple[int, ...]
) -> list[Any]:
    """Return what training images go through."""
    if not config.augment:
        return []
    if len(image_shape) != 3:
        raise ValueError(
            "`augment` needs images of (height, width, channels). "
            f"Received: shape={image_shape}"
        )
    shift = data_room.PadAndCrop(max(1, image_shape[0] // 8))
    return [shift, data_room.Flip()] if image_shape[2] == 3 else [shift]


def _check_warm_ups(config: TrainingConfig, model: RobustModel) -> None:
    """Raise `ValueError` for a warm-up of something that isn't there."""
    if config.epsilon_warm_up and model.attack is None:
        raise ValueError(
            f"`{config.defense}` has no radius to warm up. "
            f"Received: epsilon_warm_up={config.epsilon_warm_up}"
        )
    terms = len(model.loss_terms) > 1 or model.penalties
    if config.weight_warm_up and not terms and not model.weight_perturbation:
        raise ValueError(
            f"`{config.defense}` has no robust terms to warm up. "
            f"Received: weight_warm_up={config.weight_warm_up}"
        )


def image_batches(split: data_room.Split) -> tf.data.Dataset:
    """Return images as floats, a batch at a time."""

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(split), 1024):
            yield split.images(slice(start, start + 1024))

    spec = tf.TensorSpec((None, *split.x.shape[1:]), tf.float32)
    return tf.data.Dataset.from_generator(batches, output_signature=spec)
