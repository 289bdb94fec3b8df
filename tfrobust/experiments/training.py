"""One training: configuration -> run directory."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import cast

import keras
import numpy as np
import tensorflow as tf

from tfrobust import callbacks
from tfrobust import data as data_room
from tfrobust import recipes
from tfrobust.attacks import PGD
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.defenses import RobustModel
from tfrobust.experiments import run_directory
from tfrobust.experiments.components import training_components
from tfrobust.experiments.models import load_model
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_record import read_history
from tfrobust.experiments.training_record import training_record
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.schedules import ConstantThenLinear
from tfrobust.threat_model import NormBall

Say = Callable[[str], None]


def train(
    config: TrainingConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    say: Say = print,
) -> TrainingRecord:
    """Train a defense and write its run directory.

    `config.json`, `last.keras`, `best_robust.keras` (where there is
    validation), `history.csv` and `training.json`. Nothing is written before
    data and model are there, so a mistake leaves nothing behind.

    Args:
        config: everything the training depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        resume: continue the run that is there after its last epoch.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings or data that can't be used.
        TrainingDiverged: for a loss that isn't finite.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.dtype_policy)
    try:
        return _train(
            config, output_dir, overwrite=overwrite, resume=resume, say=say
        )
    finally:
        keras.config.set_dtype_policy(before)


def _train(
    config: TrainingConfig,
    output_dir: str | pathlib.Path,
    *,
    overwrite: bool,
    resume: bool,
    say: Say,
) -> TrainingRecord:
    if overwrite and resume:
        raise ValueError("A run is either replaced or resumed, not both.")
    directory = run_directory.check_free(
        output_dir, overwrite=overwrite, resume=resume
    )
    if resume:
        run_directory.check_same(directory, plain(config))
    data = load_split_data(config, say)
    steps = data_room.steps_per_epoch(len(data.train), config.batch_size)
    if resume and (directory / LAST).is_file():
        model = load_model(directory / LAST)
        # Not the optimizer's count: that leaves out steps of float16 that
        # overflowed.
        done = int(model.noise_counter) // steps
        say(f"Continuing {directory} after epoch {done} of {config.epochs}.")
    else:
        keras.utils.set_random_seed(config.seed)
        model = build_model(config, data, steps)
        if model.input_transform is not None:
            model.input_transform.adapt(_image_batches(data.train))
        done = 0
    batches = data_room.train_batches(
        data.train,
        config.batch_size,
        seed=config.seed,
        augmentation=augmentation(config, data.image_shape),
        first_epoch=done,
    )
    tracker = []
    if config.leaking_components:
        tracker = [_leaking_tracker(config, data, directory)]
    for torn in directory.glob(".part-*"):
        torn.unlink()  # a kill in the middle of a save
    if not resume:
        run_directory.make_empty(directory, config)
    elif done == config.epochs and (directory / "training.json").is_file():
        return cast(TrainingRecord, read_record(directory / "training.json"))
    write_json(plain(config), directory / "config.json")
    # What trains is the source as it stands now, not when training ends.
    origin = provenance(config.seed)
    start = time.perf_counter()
    if done < config.epochs:
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=done,
            steps_per_epoch=steps,
            callbacks=_callbacks(config, data, directory, done, tracker),
            shuffle=False,  # the pipeline did, by (seed, epoch)
            verbose=0,
        )
    seconds = time.perf_counter() - start
    record = training_record(config, directory, seconds, origin, model)
    write_record(record, directory / "training.json")
    return record


def _image_batches(split: data_room.Split) -> tf.data.Dataset:
    """Return images as floats, a batch at a time."""

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(split), 1024):
            yield split.images(slice(start, start + 1024))

    spec = tf.TensorSpec((None, *split.x.shape[1:]), tf.float32)
    return tf.data.Dataset.from_generator(batches, output_signature=spec)


def load_split_data(config: TrainingConfig, say: Say) -> data_room.ImageData:
    """Return the data with its validation part carved out."""
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    if data.description:
        say(f"Data {data.name}: {data.description}")
    count = config.validation_examples
    if count is None:
        count = min(1000, len(data.train) // 10)
    data = data.with_validation(count, seed=config.seed)
    if config.batch_size > len(data.train):
        raise ValueError(
            f"`batch_size` must be at most the {len(data.train)} training "
            f"examples. Received: batch_size={config.batch_size}"
        )
    return data


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
    model = recipes.make_defense(config.defense, classifier, **config.settings)
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
    for images in _image_batches(split):
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


def _callbacks(
    config: TrainingConfig,
    data: data_room.ImageData,
    directory: pathlib.Path,
    done: int,
    tracker: Sequence[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    history = read_history(directory, done)
    chosen: list[keras.callbacks.Callback] = [
        callbacks.StopOnNonFinite(),
        callbacks.SeedRandomLayers(config.seed),
        callbacks.WarmUp(
            epsilon_epochs=config.epsilon_warm_up,
            weight_epochs=config.weight_warm_up,
        ),
        callbacks.ProgressBar(config.defense, first_epoch=done),
    ]
    if len(data.validation):
        attack = PGD(
            NormBall(config.norm, epsilon=config.validation_epsilon),
            num_steps=config.validation_steps,
            seed=config.seed,
        )
        chosen.insert(
            1,
            callbacks.RobustValidation(
                data.validation.images(), data.validation.y, attack
            ),
        )
    chosen += tracker
    best = max(history.get("val_robust_accuracy", []), default=None)
    # The log first: a row without its checkpoint is dropped on resuming, a
    # checkpoint without its row would lose its figures.
    chosen.append(
        keras.callbacks.CSVLogger(str(directory / "history.csv"), append=True)
    )
    chosen.append(callbacks.KeepCheckpoints(directory, best=best))
    if config.tensorboard:
        chosen.append(
            keras.callbacks.TensorBoard(str(directory / "tensorboard"))
        )
    return chosen


def _leaking_tracker(
    config: TrainingConfig, data: data_room.ImageData, directory: pathlib.Path
) -> keras.callbacks.Callback:
    """Return what follows the gradient's share in the components."""
    counts = config.leaking_components
    board = directory / "tensorboard" / "gradient_leaking"
    return callbacks.GradientLeakingTracker(
        data.validation.images(),
        data.validation.y,
        training_components(data, max(counts)),
        counts,
        log_dir=board if config.tensorboard else None,
    )
