"""One training: configuration -> run directory."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import cast

import keras

from tfrobust import data as data_room
from tfrobust import recipes
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.experiments import run_directory
from tfrobust.experiments.models import load_model
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.training_callbacks import leaking_tracker
from tfrobust.experiments.training_callbacks import training_callbacks
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_model import augmentation
from tfrobust.experiments.training_model import build_model
from tfrobust.experiments.training_model import image_batches
from tfrobust.experiments.training_record import training_record
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord
from tfrobust.records import write_json
from tfrobust.records import write_record

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
            model.input_transform.adapt(image_batches(data.train))
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
        tracker = [leaking_tracker(config, data, directory)]
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
            callbacks=training_callbacks(
                config, data, directory, done, tracker
            ),
            shuffle=False,  # the pipeline did, by (seed, epoch)
            verbose=0,
        )
    seconds = time.perf_counter() - start
    record = training_record(config, directory, seconds, origin, model)
    write_record(record, directory / "training.json")
    return record


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
