"""What a table or a figure of a paper is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Protocol

from tfrobust import recipes
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import Record

SCALES = ("smoke", "cpu", "paper")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How models are trained and attacked at one scale.

    Attributes:
        training: settings of every training, "data" among them.
        epsilon: radius of trainings that have one, and of the attacks that
            the paper lacks, l-infinity.
        num_steps: of inner maximisations that have steps.
        num_examples: test images of the paper's columns; `None` for all.
        added: evaluation of the columns that the paper lacks.
        seeds: of the trainings.
        step_size: of inner maximisations; default their own.
        note: what a reader must know of the images; default nothing.
    """

    training: Mapping[str, Any]
    epsilon: float
    num_steps: int
    num_examples: int | None
    added: Mapping[str, Any]
    seeds: tuple[int, ...] = (0,)
    step_size: float | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class PaperModel:
    """One row: a training.

    Attributes:
        defense: its recipe.
        settings: of the defense, at every scale.
        training: of this row alone, at every scale.
        scaled: scale -> settings of the defense at that scale.
        scaled_training: scale -> settings of this row's training there.
        seeds: scale -> seeds, where they differ from the table's.
    """

    defense: str = "standard"
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scaled: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    scaled_training: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    seeds: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict
    )

    def config(
        self, setting: Setting, scale: str, seed: int, data_dir: str | None
    ) -> TrainingConfig:
        """Return the training at a scale."""
        takes = recipes.defense_settings(self.defense)
        common = {
            "epsilon": setting.epsilon,
            "num_steps": setting.num_steps,
            "step_size": setting.step_size,
        }
        given = {
            k: v for k, v in common.items() if k in takes and v is not None
        }
        training = {
            **setting.training,
            **self.training,
            **self.scaled_training.get(scale, {}),
        }
        return TrainingConfig(
            **training,
            data_dir=data_dir,
            defense=self.defense,
            settings={**given, **self.settings, **self.scaled.get(scale, {})},
            epsilon=setting.epsilon,
            seed=seed,
        )


class Look(Protocol):
    """One evaluation or analysis of a model."""

    def config(self, model: str, setting: Setting, data_dir: str | None) -> Any:
        """Return its configuration for a model's file."""

    def run(self, config: Any, directory: Any) -> Record:
        """Return the record, made now or before."""


@dataclasses.dataclass(frozen=True)
class Column:
    """One number of each row.

    Attributes:
        title: unique in its table.
        look: whose record is read.
        read: record -> number, in the table's unit.
    """

    title: str
    look: str
    read: Callable[[Any], float | None]


@dataclasses.dataclass(frozen=True)
class PaperTable:
    """A table, or a figure, of a paper.

    Attributes:
        caption: what it shows, and in which unit.
        settings: scale -> how.
        models: row -> training.
        looks: name -> evaluation or analysis of each row's model.
        columns: what is read from them.
        published: row -> the paper's numbers, in the columns' order.
        transfer: settings of a `TransferConfig`: the rows under each other's
            points; default none.
        pictures: looks whose pictures, of all rows, make the figure.
        response: a column that a line through each other column, or through
            its root, is to predict over the rows; default none.
        roots: columns whose root is taken for that.
        notes: what a reader must know: what differs from the paper.
    """

    caption: str
    settings: Mapping[str, Setting]
    models: Mapping[str, PaperModel]
    looks: Mapping[str, Look] = dataclasses.field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    published: Mapping[str, tuple[float | None, ...]] = dataclasses.field(
        default_factory=dict
    )
    transfer: Mapping[str, Any] | None = None
    pictures: tuple[str, ...] = ()
    response: str | None = None
    roots: tuple[str, ...] = ()
    notes: str = ""

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of the columns that the paper has."""
        sources = tuple(self.models) if self.transfer is not None else ()
        return tuple(c.title for c in self.columns) + sources

    def seeds(self, row: str, scale: str) -> tuple[int, ...]:
        """Return the seeds of a row."""
        return self.models[row].seeds.get(scale, self.settings[scale].seeds)


def single_seeds(models: Mapping[str, PaperModel]) -> dict[str, PaperModel]:
    """Return rows without seeds of their own: a picture is of one model."""
    return {
        row: dataclasses.replace(model, seeds={})
        for row, model in models.items()
    }
