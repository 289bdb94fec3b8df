"""Where a training stands, and where it goes on."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust.callbacks.backup import backups
from tfrobust.callbacks.backup import is_whole
from tfrobust.callbacks.backup import steps_of
from tfrobust.callbacks.checkpoints import BEST_ROBUST
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.defenses import RobustModel
from tfrobust.experiments.models import load_model
from tfrobust.layers import PrincipalSubspace
from tfrobust.records.files import whole_file


@dataclasses.dataclass(frozen=True)
class Phase:
    """Epochs that one call of `fit` trains.

    Attributes:
        first_epoch, last_epoch: from the one to before the other.
        first_step: how many steps of the first were taken before.
        steps: of a whole epoch.
    """

    first_epoch: int
    last_epoch: int
    first_step: int
    steps: int

    @property
    def done(self) -> int:
        """Steps taken before this phase, since the training began."""
        return self.first_epoch * self.steps + self.first_step


def phases(done: int, steps: int, epochs: int) -> Iterator[Phase]:
    """Yield the rest of an epoch that was begun, then the other epochs.

    Args:
        done: steps taken so far.
        steps: of an epoch.
        epochs: in all.
    """
    first, taken = divmod(done, steps)
    if taken:
        yield Phase(first, first + 1, taken, steps)
        first += 1
    if first < epochs:
        yield Phase(first, epochs, 0, steps)


def steps_taken(model: RobustModel) -> int:
    """Return how many steps a model has been trained for."""
    return int(keras.ops.convert_to_numpy(model.noise_counter))


def found_state(
    directory: pathlib.Path, say: Callable[[str], None]
) -> tuple[RobustModel | None, int]:
    """Return the model to go on with and how many steps are done.

    The steps may be more than the model's: then a backup of that name has
    the state. A file that is torn is passed over, and said to be.
    """
    model, done = None, 0
    for name in (LAST, BEST_ROBUST):
        if not (directory / name).is_file():
            continue
        try:
            model = load_model(directory / name)
        except ValueError:
            say(f"{directory / name} is torn; an earlier state is looked for.")
            continue
        # Not the optimizer's count: that leaves out steps of float16 that
        # overflowed.
        done = steps_taken(model)
        break
    for path in backups(directory):
        if steps_of(path) <= done:
            break
        if is_whole(path):
            return model, steps_of(path)
        say(f"{path} is torn; the state before it is used.")
        path.unlink()
    return model, done


def mend_last(directory: pathlib.Path) -> None:
    """Make a torn last model of the best, where that is of the last epoch."""
    if not is_whole(directory / LAST):
        with whole_file(directory / LAST) as part:
            shutil.copy(directory / BEST_ROBUST, part)


def begun_model(path: str, fresh: RobustModel) -> RobustModel:
    """Return a saved training's model, to be gone on with.

    Its noise is that of the training's seed from here on.

    Args:
        path: of a `last.keras`.
        fresh: what the training would begin with otherwise.

    Raises:
        ValueError: for another defense, network, optimizer or settings.
    """
    model = load_model(path)
    other = _differing(model, fresh)
    if other:
        raise ValueError(
            f"{path} is of another training, with other {', '.join(other)}."
        )
    model.seed = fresh.seed
    if isinstance(fresh.input_transform, PrincipalSubspace):
        model.input_transform.seed = fresh.input_transform.seed
    return model


def check_is_of(
    directory: pathlib.Path, model: keras.Model, fresh: RobustModel
) -> None:
    """Raise `ValueError` for a run whose model another training left.

    Args:
        directory: of the run.
        model: found there.
        fresh: what the training began with.
    """
    other = _differing(model, fresh)
    if other:
        raise ValueError(
            f"The model in {directory} is of another training, with other "
            f"{', '.join(other)}; remove the directory to train it again."
        )


def _differing(model: keras.Model, fresh: RobustModel) -> list[str]:
    """Return the settings in which a model is not what one begins with."""
    there, here = (_resolved(m) for m in (model, fresh))
    return [name for name in here if there.get(name) != here[name]]


def _resolved(model: keras.Model) -> dict[str, Any]:
    """Return what a model's defense is, without seeds and names."""
    if not isinstance(model, RobustModel):
        return {"defense": type(model).__name__}
    config = model.get_config()
    config.pop("classifier")
    optimizer = model.optimizer.get_config() if model.compiled else None
    return {
        "defense": type(model).__name__,
        "network": _network(model.classifier),
        "optimizer": _nameless(optimizer),
        **_nameless(config),
    }


def _network(model: keras.Model) -> list[Any]:
    """Return what a model's layers are, in their order."""
    return [
        _network(layer)
        if isinstance(layer, keras.Model)
        else {
            "layer": type(layer).__name__,
            "policy": layer.dtype_policy.name,
            "weights": [tuple(weight.shape) for weight in layer.weights],
            **_nameless(layer.get_config()),
        }
        for layer in model.layers
    ]


def _nameless(config: Any) -> Any:
    """Return a configuration without what tells one instance from another.

    Keras counts the layers of a process in their names, and notes the shape
    that one was built for. Seeds are the training's.
    """
    if isinstance(config, Mapping):
        return {
            key: _nameless(value)
            for key, value in config.items()
            if key not in ("name", "build_config", "seed")
        }
    if isinstance(config, list | tuple):
        return [_nameless(value) for value in config]
    return config
