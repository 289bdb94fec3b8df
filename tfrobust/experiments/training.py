"""One training: configuration -> run directory."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfrobust import callbacks
from tfrobust import data as data_room
from tfrobust import recipes
from tfrobust.callbacks.backup import backup_of
from tfrobust.defenses import RobustModel
from tfrobust.experiments import run_directory
from tfrobust.experiments.devices import check_batches
from tfrobust.experiments.devices import is_chief
from tfrobust.experiments.devices import make_strategy
from tfrobust.experiments.provenance import training_provenance
from tfrobust.experiments.stopwatch import Stopwatch
from tfrobust.experiments.training_callbacks import leaking_tracker
from tfrobust.experiments.training_callbacks import training_callbacks
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_model import augmentation
from tfrobust.experiments.training_model import build_model
from tfrobust.experiments.training_model import image_batches
from tfrobust.experiments.training_record import check_past
from tfrobust.experiments.training_record import read_finished
from tfrobust.experiments.training_record import training_record
from tfrobust.experiments.training_state import begun_model
from tfrobust.experiments.training_state import check_is_of
from tfrobust.experiments.training_state import found_state
from tfrobust.experiments.training_state import mend_last
from tfrobust.experiments.training_state import Phase
from tfrobust.experiments.training_state import phases
from tfrobust.experiments.training_state import steps_taken
from tfrobust.records import plain
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
    validation), `history.csv`, `seconds.json` (the time so far) and
    `training.json`. Nothing is written before data and model are there, so a
    mistake leaves nothing behind.

    Args:
        config: everything the training depends on.
        output_dir: the run directory.
        overwrite: replace the run that is there.
        resume: continue the run that is there after its last epoch; where
            there is none, begin, but for several workers.
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
    strategy = make_strategy(config.strategy, config.num_devices)
    directory = pathlib.Path(output_dir)
    if resume and config.strategy == "multi_worker":
        _check_begun(directory)
    if is_chief(strategy):
        with run_directory.claimed(
            directory, config, overwrite=overwrite, resume=resume
        ) as begun:
            return _train_in(directory, config, strategy, overwrite, begun, say)
    begun = resume and run_directory.is_begun(directory)
    if begun:
        run_directory.check_same(directory, plain(config))
    return _train_in(directory, config, strategy, overwrite, begun, say)


def _check_begun(directory: pathlib.Path) -> None:
    """Raise `ValueError` without a run: workers can't agree to begin one.

    One of them may not see the directory at all.
    """
    if not run_directory.is_begun(directory):
        raise ValueError(
            f"{directory} holds no run to resume, which all workers must see; "
            "start them without --resume to begin."
        )


def _train_in(
    directory: pathlib.Path,
    config: TrainingConfig,
    strategy: tf.distribute.Strategy,
    overwrite: bool,
    resume: bool,
    say: Say,
) -> TrainingRecord:
    data = load_split_data(config, say)
    steps = data_room.steps_per_epoch(len(data.train), config.batch_size)
    check_batches(len(data.train), config.batch_size, strategy)
    with strategy.scope():
        model, done = found_state(directory, say) if resume else (None, 0)
        if model is not None:
            check_is_of(directory, model, build_model(config, data, steps))
        else:
            model = _first_model(config, data, steps)
            done = max(done, steps_taken(model))
    if resume:
        epoch, step = divmod(done, steps)
        if is_chief(strategy):
            check_past(directory, epoch, config)
        inside = f", step {step} of {steps}" if step else ""
        say(
            f"Continuing {directory} after epoch {epoch} of "
            f"{config.epochs}{inside}."
        )
    if not is_chief(strategy):
        # Every worker saves, for some values are read by all together.
        scratch = tempfile.TemporaryDirectory()
        state = backup_of(directory, done)
        directory = pathlib.Path(scratch.name)
        say("The first worker writes the run; this one leaves nothing.")
        if state.is_file():
            shutil.copy(state, directory)
    tracker = []
    if config.leaking_components:
        tracker = [leaking_tracker(config, data, directory)]
    for torn in directory.glob(".part-*"):
        torn.unlink()  # a kill in the middle of a save
    if not resume and is_chief(strategy):
        run_directory.make_empty(directory, overwrite=overwrite)
    elif done == config.epochs * steps:
        mend_last(directory)
        finished = read_finished(directory, model, config)
        if finished is not None:
            return finished
        path = directory / "training.json"
        if path.is_file():
            say(f"{path} is torn; it is written anew from history.csv.")
    write_json(plain(config), directory / "config.json")
    # What trains is the source as it stands now, not when training ends.
    origin = training_provenance(config.seed)
    watch = Stopwatch(directory / "seconds.json", done, config.backup_every)
    try:
        for phase in phases(done, steps, config.epochs):
            _fit(model, config, data, directory, phase, tracker, watch)
    finally:
        watch.keep()
    record = training_record(config, directory, watch.seconds, origin, model)
    write_record(record, directory / "training.json")
    return record


def _first_model(
    config: TrainingConfig, data: data_room.ImageData, steps: int
) -> RobustModel:
    """Return the model that a training begins with."""
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, data, steps)
    if config.begin_with is not None:
        return begun_model(config.begin_with, model)
    if model.input_transform is not None:
        model.input_transform.adapt(image_batches(data.train))
    return model


def _fit(
    model: RobustModel,
    config: TrainingConfig,
    data: data_room.ImageData,
    directory: pathlib.Path,
    phase: Phase,
    tracker: Sequence[keras.callbacks.Callback],
    watch: Stopwatch,
) -> None:
    """Train the epochs of a phase."""
    batches = data_room.train_batches(
        data.train,
        config.batch_size,
        seed=config.seed,
        augmentation=augmentation(config, data.image_shape),
        first_epoch=phase.first_epoch,
        first_step=phase.first_step,
    )
    chosen = training_callbacks(config, data, directory, phase, tracker)
    watching = [*chosen, watch]
    try:
        model.fit(
            batches,
            epochs=phase.last_epoch,
            initial_epoch=phase.first_epoch,
            steps_per_epoch=phase.steps - phase.first_step,
            callbacks=watching,
            shuffle=False,  # the pipeline did, by (seed, epoch)
            verbose=0,
        )
    except tf.errors.UnavailableError as error:
        raise ValueError(
            "Another worker was lost; start every worker again with --resume."
        ) from error
    finally:
        for callback in watching:
            if isinstance(callback, callbacks.BackupSteps):
                callback.close()


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
    seed = config.seed
    if config.validation_seed is not None:
        seed = config.validation_seed
    data = data.with_validation(count, seed=seed)
    if config.batch_size > len(data.train):
        raise ValueError(
            f"`batch_size` must be at most the {len(data.train)} training "
            f"examples. Received: batch_size={config.batch_size}"
        )
    return data
