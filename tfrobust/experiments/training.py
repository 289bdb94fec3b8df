"""One training: configuration -> run directory."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import cast

import keras
import numpy as np
import tensorflow as tf

from tfrobust import callbacks
from tfrobust import data as data_room
from tfrobust import recipes
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks import PGD
from tfrobust.callbacks.checkpoints import BEST_ROBUST
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.defenses import RobustModel
from tfrobust.experiments import run_directory
from tfrobust.experiments.models import load_model
from tfrobust.experiments.provenance import provenance
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import NORMS
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.schedules import ConstantThenLinear
from tfrobust.serialization import describe
from tfrobust.threat_model import NormBall

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Everything a training depends on, as plain JSON data.

    Args:
        data: name of an image set.
        data_dir: where prepared sets are; default as `recipes.load_data`.
        image_size: (height, width) to resize to; default as they are.
        architecture: a network; default the data's.
        activation: of the network; default "relu".
        dropout: rate; default the network's.
        defense: how to train.
        settings: arguments of the defense, by name.
        epochs: passes over the training part, at least 1.
        batch_size: at most the training examples.
        optimizer: "adam" or "sgd" (momentum 0.9).
        learning_rate: positive.
        constant_epochs: after so many epochs the rate falls linearly to
            zero; default `None`: never.
        epsilon_warm_up: epochs over which the radius grows from 0; default
            0.
        weight_warm_up: likewise the robust terms; default 0.
        augment: pad-and-crop by a tenth of the height, and flips for three
            channels.
        validation_examples: carved from train by the seed; default a tenth,
            at most 1,000; 0 for none.
        epsilon: of validation under PGD, in input units; default the data's.
        norm: of validation, 1, 2 or "inf".
        validation_steps: PGD steps of validation; default 10.
        seed: of weights, order, augmentation, noise and validation.
        dtype_policy: Keras' policy; default "float32".
        tensorboard: whether to write TensorBoard summaries.
    """

    data: str = "digits"
    _: dataclasses.KW_ONLY
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    architecture: str | None = None
    activation: str = "relu"
    dropout: float | None = None
    defense: str = "standard"
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    constant_epochs: int | None = None
    epsilon_warm_up: int = 0
    weight_warm_up: int = 0
    augment: bool = False
    validation_examples: int | None = None
    epsilon: float | None = None
    norm: Norm = "inf"
    validation_steps: int = 10
    seed: int = 0
    dtype_policy: str = "float32"
    tensorboard: bool = False

    def __post_init__(self) -> None:
        recipes.check_defense(self.defense, self.settings)
        check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        check_choice("norm", self.norm, NORMS)
        check_positive("learning_rate", self.learning_rate)
        for name in ("epochs", "batch_size", "validation_steps"):
            check_integer(name, getattr(self, name), minimum=1)
        for name in ("seed", "epsilon_warm_up", "weight_warm_up"):
            check_integer(name, getattr(self, name), minimum=0)
        for name in ("epsilon_warm_up", "weight_warm_up"):
            if getattr(self, name) >= self.epochs:
                raise ValueError(
                    f"`{name}` must be less than the {self.epochs} epochs. "
                    f"Received: {name}={getattr(self, name)}"
                )
        if self.epsilon is not None:
            check_positive("epsilon", self.epsilon)
        if self.constant_epochs is not None:
            check_integer("constant_epochs", self.constant_epochs, minimum=0)
            if self.constant_epochs >= self.epochs:
                raise ValueError(
                    "`constant_epochs` must be less than the "
                    f"{self.epochs} epochs. Received: "
                    f"constant_epochs={self.constant_epochs}"
                )

    @property
    def validation_epsilon(self) -> float:
        """Radius of validation under attack."""
        if self.epsilon is not None:
            return self.epsilon
        return recipes.data_defaults(self.data).epsilon


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
        _check_same(config, directory)
    data = load_split_data(config, say)
    steps = data_room.steps_per_epoch(len(data.train), config.batch_size)
    if resume and (directory / LAST).is_file():
        model = load_model(directory / LAST)
        done = int(model.optimizer.iterations) // steps
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
    if not resume:
        run_directory.make_empty(directory)
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
            callbacks=_callbacks(config, data, directory, done),
            shuffle=False,  # the pipeline did, by (seed, epoch)
            verbose=0,
        )
    seconds = time.perf_counter() - start
    record = _record(config, directory, seconds, origin, _resolved(model))
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
    classifier = recipes.make_architecture(
        name,
        data.image_shape,
        data.num_classes,
        activation=config.activation,
        dropout=config.dropout,
    )
    model = recipes.make_defense(config.defense, classifier, **config.settings)
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


def _callbacks(
    config: TrainingConfig,
    data: data_room.ImageData,
    directory: pathlib.Path,
    done: int,
) -> list[keras.callbacks.Callback]:
    history = _read_history(directory, done)
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


def _read_history(
    directory: pathlib.Path, epochs: int
) -> dict[str, list[float]]:
    """Return metric -> values of the first epochs, and drop later rows.

    A kill between the log and the checkpoint leaves a row too many, or one
    that is torn.
    """
    path = directory / "history.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if None not in row.values()]
    kept = [row for row in whole if int(row["epoch"]) < epochs]
    if len(kept) < len(rows):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(kept)
    # Keras writes columns of NA for validation figures that there are none of.
    first = kept[0] if kept else {}
    names = [n for n, v in first.items() if n != "epoch" and v != "NA"]
    return {name: [float(row[name]) for row in kept] for name in names}


def _record(
    config: TrainingConfig,
    directory: pathlib.Path,
    seconds: float,
    origin: dict[str, Any],
    resolved: dict[str, Any],
) -> TrainingRecord:
    history = _read_history(directory, config.epochs)
    figures = {k: v for k, v in history.items() if k.startswith("val_") and v}
    last = {k: v[-1] for k, v in figures.items()}
    checkpoints = {LAST: {"epoch": config.epochs, **last}}
    robust = figures.get("val_robust_accuracy")
    if robust:
        best = robust.index(max(robust))
        values = {k: v[best] for k, v in figures.items()}
        checkpoints[BEST_ROBUST] = {"epoch": best + 1, **values}
    return TrainingRecord(
        configuration=plain(config) | {"resolved": resolved},
        history=history,
        checkpoints=checkpoints,
        seconds=round(seconds, 3),
        provenance=origin,
    )


def _resolved(model: RobustModel) -> dict[str, Any]:
    """Return what defaults stood for: they may change, a record may not."""
    attack = model.attack
    return {
        "architecture": model.classifier.name,
        "weights": model.classifier.count_params(),
        "defense": type(model).__name__,
        "attack": None if attack is None else describe(attack),
        "step_size": None if attack is None else attack.step_length,
        "penalties": describe(model.penalties),
        "beta": getattr(model, "beta", None),
        "weight": getattr(model, "weight", None),
        "clean_weight": getattr(model, "clean_weight", None),
    }


def _check_same(config: TrainingConfig, directory: pathlib.Path) -> None:
    """Raise `ValueError` if the run that is there is another one."""
    there = run_directory.read_config(directory)
    now = plain(config)
    differ = [k for k in now if there.get(k) != now[k]]
    if differ:
        name = differ[0]
        raise ValueError(
            f"{directory} holds a run with {name}={there.get(name)!r}; it "
            f"can't be resumed with {name}={now[name]!r}."
        )
