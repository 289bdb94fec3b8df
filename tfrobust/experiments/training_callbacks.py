"""What watches a training."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import keras

from tfrobust import callbacks
from tfrobust import data as data_room
from tfrobust.attacks import PGD
from tfrobust.experiments.components import training_components
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_record import best_epoch
from tfrobust.experiments.training_record import read_history
from tfrobust.experiments.training_record import ROBUST
from tfrobust.experiments.training_state import Phase
from tfrobust.threat_model import NormBall


def training_callbacks(
    config: TrainingConfig,
    data: data_room.ImageData,
    directory: pathlib.Path,
    phase: Phase,
    tracker: Sequence[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """Return validation, log, checkpoints and backups, in their order."""
    history = read_history(directory, phase.first_epoch)
    begins = {"first_step": phase.first_step}
    chosen: list[keras.callbacks.Callback] = [
        callbacks.StopOnNonFinite(),
        callbacks.SeedRandomLayers(config.seed),
        callbacks.WarmUp(
            epsilon_epochs=config.epsilon_warm_up,
            weight_epochs=config.weight_warm_up,
            **begins,
        ),
        callbacks.ProgressBar(
            config.defense, first_epoch=phase.first_epoch, **begins
        ),
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
    row = best_epoch(history, config.clean_floor)
    best = None
    if row is not None:
        best = history[ROBUST][row], history["val_accuracy"][row]
    # The log first: a row without its checkpoint is dropped on resuming, a
    # checkpoint without its row would lose its figures.
    chosen.append(
        keras.callbacks.CSVLogger(str(directory / "history.csv"), append=True)
    )
    chosen.append(
        callbacks.KeepCheckpoints(
            directory, best=best, clean_floor=config.clean_floor
        )
    )
    chosen.append(
        callbacks.BackupSteps(
            directory, every=config.backup_every, done=phase.done
        )
    )
    if config.tensorboard:
        chosen.append(
            keras.callbacks.TensorBoard(str(directory / "tensorboard"))
        )
    return chosen


def leaking_tracker(
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
