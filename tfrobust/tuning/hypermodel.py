"""A recipe as keras-tuner's HyperModel."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np

from tfrobust import callbacks
from tfrobust import recipes
from tfrobust.arguments import check_fraction
from tfrobust.attacks import Attack
from tfrobust.attacks import PGD
from tfrobust.threat_model import NormBall
from tfrobust.tuning.scores import best_score
from tfrobust.tuning.spaces import changed_space
from tfrobust.tuning.spaces import check_not_fixed
from tfrobust.tuning.spaces import defense_of
from tfrobust.tuning.spaces import fixed_settings
from tfrobust.tuning.spaces import Range
from tfrobust.tuning.spaces import search_space
from tfrobust.tuning.spaces import split_values

OBJECTIVE = keras_tuner.Objective("val_score", "max")


class RecipeHyperModel(keras_tuner.HyperModel):
    """A recipe for any tuner of keras-tuner.

    Each trial is a defense with a network of its own. After each epoch the
    validation data are attacked; the trial's `val_score`, see `OBJECTIVE`,
    is the best epoch's robust accuracy, or negative where no epoch's clean
    accuracy reached the floor.

    Args:
        recipe: see `search_space`.
        image_shape: (height, width, channels).
        num_classes: at least 2.
        epsilon: radius of training, where a defense takes one, and of
            validation, in input units; positive.
        architecture: name of a network; default "small_cnn".
        settings: of the defense, not searched.
        ranges: name -> range, in place of `search_space`'s or besides.
        search: names of what is searched; default all.
        clean_floor: least validation accuracy; default 0.
        attack: of validation; default PGD of ten steps in the l-inf ball.
        epochs: of a whole training; default 10.
        seed: of every trial's weights and noise; default 0.

    Raises:
        ValueError: for what every trial would refuse.

    Example:

    >>> hypermodel = RecipeHyperModel(
    ...     "sgr", (28, 28, 1), 10, epsilon=0.3, clean_floor=0.98
    ... )
    >>> tuner = keras_tuner.RandomSearch(
    ...     hypermodel, OBJECTIVE, max_trials=20, directory="runs/search"
    ... )  # doctest: +SKIP
    >>> tuner.search(
    ...     x, y, validation_data=(x_val, y_val), epochs=10
    ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        recipe: str,
        image_shape: Sequence[int],
        num_classes: int,
        *,
        epsilon: float,
        architecture: str = "small_cnn",
        settings: Mapping[str, Any] | None = None,
        ranges: Mapping[str, Range] | None = None,
        search: Sequence[str] | None = None,
        clean_floor: float = 0.0,
        attack: Attack | None = None,
        epochs: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(name=recipe)
        check_fraction("clean_floor", clean_floor)
        self.defense = defense_of(recipe)
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.architecture = architecture
        self.settings = fixed_settings(recipe, epsilon) | dict(settings or {})
        space = search_space(recipe, image_shape, epochs=epochs)
        self.space = changed_space(space, search, ranges or {})
        check_not_fixed(self.space, settings or {})
        self.clean_floor = clean_floor
        self.attack = attack or PGD(
            NormBall("inf", epsilon=epsilon), num_steps=10, seed=seed
        )
        self.seed = seed
        self.build(keras_tuner.HyperParameters())  # refuses, if it must, now

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return a trial's compiled defense."""
        values = {n: range_.declare(hp, n) for n, range_ in self.space.items()}
        training, settings = split_values(values)
        keras.utils.set_random_seed(self.seed)
        classifier = recipes.make_architecture(
            self.architecture,
            self.image_shape,
            self.num_classes,
            width=training.get("width"),
        )
        model = recipes.make_defense(
            self.defense,
            classifier,
            seed=self.seed,
            **self.settings | settings,
        )
        model.compile(
            keras.optimizers.Adam(training.get("learning_rate", 1e-3)),
            recipes.make_loss(self.defense),
            metrics=["accuracy"],
            jit_compile=False,
        )
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any],
        batch_size: int = 128,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **arguments: Any,
    ) -> dict[str, float]:
        """Train, attack the validation data after each epoch.

        Args:
            hp: the trial's values.
            model: what `build` returned.
            x, y: images in [0, 1] and integer labels.
            validation_data: likewise; never test images.
            batch_size: default 128.
            callbacks: of the tuner.
            **arguments: of `keras.Model.fit`.

        Returns:
            "val_score" and the last epoch's figures.

        Raises:
            keras_tuner.errors.FailedTrialError: for a loss that isn't finite.
        """
        if model.input_transform is not None:
            model.input_transform.adapt(x)
        steps = -(-len(x) // batch_size)
        watching = _watching(self, hp, validation_data)
        try:
            history = model.fit(
                x,
                y,
                batch_size=batch_size,
                steps_per_epoch=steps,
                callbacks=[*watching, *callbacks],
                verbose=0,
                **{k: v for k, v in arguments.items() if k != "verbose"},
            ).history
        except TrainingDiverged as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        last = {name: values[-1] for name, values in history.items()}
        return last | {"val_score": best_score(history, self.clean_floor)}


TrainingDiverged = callbacks.TrainingDiverged


class _Score(keras.callbacks.Callback):
    """Add `val_score` to the logs, for who keeps the best epoch."""

    def __init__(self, clean_floor: float) -> None:
        super().__init__()
        self._clean_floor = clean_floor

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Score the epoch."""
        del epoch
        if logs is not None:
            names = ("val_accuracy", "val_robust_accuracy")
            one = {name: [logs[name]] for name in names}
            logs["val_score"] = best_score(one, self._clean_floor)


def _watching(
    hypermodel: RecipeHyperModel,
    hp: keras_tuner.HyperParameters,
    validation_data: tuple[Any, Any],
) -> list[keras.callbacks.Callback]:
    x, y = validation_data
    warm_up = hp.values.get("epsilon_warm_up", 0)
    return [
        callbacks.StopOnNonFinite(),
        callbacks.SeedRandomLayers(hypermodel.seed),
        callbacks.WarmUp(epsilon_epochs=warm_up),
        callbacks.RobustValidation(x, np.asarray(y), hypermodel.attack),
        _Score(hypermodel.clean_floor),
    ]
