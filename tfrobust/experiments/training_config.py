"""Everything a training depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfrobust import recipes
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_fraction
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.experiments.devices import check_strategy
from tfrobust.ops.norms import Norm
from tfrobust.ops.norms import NORMS
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Everything a training depends on, as plain JSON data.

    Args:
        data: name of an image set.
        data_dir: where prepared sets are; default as `recipes.load_data`.
        image_size: (height, width) to resize to; default as they are.
        architecture: a network; default the data's.
        activation: of the network; default "relu".
        depth, width, dropout: of the network; default its own.
        standardize: whether the network's first layer takes the training
            images' mean from each channel and divides by its deviation.
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
        augment: pad-and-crop by an eighth of the height, and flips for three
            channels.
        validation_examples: carved from train by the seed; default a tenth,
            at most 1,000; 0 for none.
        epsilon: of validation under PGD, in input units; default the data's.
        norm: of validation, 1, 2 or "inf".
        validation_steps: PGD steps of validation; default 10.
        seed: of weights, order, augmentation, noise and validation.
        dtype_policy: Keras' policy; default "float32".
        tensorboard: whether to write TensorBoard summaries.
        leaking_components: after each epoch, the share of the validation
            images' loss gradient in the first so many principal components
            (`callbacks.GradientLeakingTracker`); default none.
        validation_seed: of which examples are carved; default `seed`.
        clean_floor: validation accuracy below which an epoch is no best;
            default 0.
        begin_with: a `last.keras` of the same training, to be gone on with
            until `epochs` are done in all; default none.
        backup_every: steps between backups inside an epoch; default none.
        strategy: "mirrored", "multi_worker" or `None` (default): one device.
        num_devices: of "mirrored"; default all.
    """

    data: str = "digits"
    _: dataclasses.KW_ONLY
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    architecture: str | None = None
    activation: str = "relu"
    depth: int | None = None
    width: int | None = None
    dropout: float | None = None
    standardize: bool = False
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
    leaking_components: Sequence[int] = ()
    validation_seed: int | None = None
    clean_floor: float = 0.0
    begin_with: str | None = None
    backup_every: int | None = None
    strategy: str | None = None
    num_devices: int | None = None

    def __post_init__(self) -> None:
        recipes.check_defense(self.defense, self.settings)
        check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        check_choice("norm", self.norm, NORMS)
        recipes.check_radius_is_given(self.norm, self.epsilon)
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
        for count in self.leaking_components:
            check_integer("leaking_components", count, minimum=1)
        if self.leaking_components and self.validation_examples == 0:
            raise ValueError(
                "`leaking_components` needs validation examples. "
                "Received: validation_examples=0"
            )
        for name in ("backup_every", "num_devices"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        if self.validation_seed is not None:
            check_integer("validation_seed", self.validation_seed, minimum=0)
        check_fraction("clean_floor", self.clean_floor)
        check_strategy(self.strategy, self.num_devices)
        if self.epsilon is not None:
            check_positive("epsilon", self.epsilon)
            NormBall(self.norm, epsilon=self.epsilon)
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
