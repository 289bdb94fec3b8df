"""One row of a paper's table: trained, looked at, put on record."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import cast

from tfrobust import reports
from tfrobust import zoo
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.paper_details import ROUNDED
from tfrobust.experiments.paper_pages import EVALUATED_AT
from tfrobust.experiments.paper_transfers import PaperTransfers
from tfrobust.experiments.papers.looks import look_digest
from tfrobust.experiments.papers.looks import quiet
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.provenance import recorded
from tfrobust.experiments.run_names import placeless
from tfrobust.experiments.run_names import run_name
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import CardRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import read_record
from tfrobust.records import Record
from tfrobust.records import RowRecord
from tfrobust.records import TrainingRecord


@dataclasses.dataclass(frozen=True)
class PaperRows:
    """The rows of a table at a scale, and where their models are.

    Attributes:
        table: what is trained and read.
        paper, name: what the table is called.
        scale: one of `SCALES`.
        output_dir: models and what was seen of them.
        data_dir: where prepared sets are.
        kept_dir: cards and weights of finished trainings, which stand for
            those that `output_dir` doesn't have; default none.
    """

    table: PaperTable
    paper: str
    name: str
    scale: str
    output_dir: pathlib.Path
    data_dir: str | None
    kept_dir: pathlib.Path | None = None

    def training(self, row: str, seed: int) -> TrainingConfig:
        """Return how a row is trained."""
        setting = self.table.settings[self.scale]
        model = self.table.models[row]
        return model.config(setting, self.scale, seed, self.data_dir)

    def directory(self, row: str, seed: int) -> pathlib.Path:
        """Return a training's directory: same settings, same place."""
        name = run_name(placeless(self.training(row, seed)))
        return self.output_dir / "models" / name

    def card(self, row: str, seed: int) -> CardRecord | None:
        """Return the card of kept weights that stand for a training.

        `None` where `kept_card` is, or where the card can't tell an adaptive
        attack what to climb.
        """
        card = self.kept_card(row, seed)
        if card is None or card.adaptive_objective is None:
            return None
        return card

    def kept_card(self, row: str, seed: int) -> CardRecord | None:
        """Return the card of a training's kept weights.

        `None` where it was trained under `output_dir` or nothing whole is
        kept.
        """
        run = self.directory(row, seed)
        if self.kept_dir is None or (run / LAST).is_file():
            return None
        try:
            zoo.load(run.name, self.kept_dir)
        except ValueError:
            return None
        card = zoo.card(run.name, self.kept_dir)
        own = card.training == placeless(self.training(row, seed))
        return card if own else None

    def model(self, row: str, seed: int) -> pathlib.Path:
        """Return the file of a row's model."""
        run = self.directory(row, seed)
        if self.kept_dir is None or self.card(row, seed) is None:
            return run / LAST
        return self.kept_dir / f"{run.name}.npz"

    def is_of(self, record: RowRecord, row: str, seed: int) -> bool:
        """Say whether a record is a row's, of today's settings, and whole."""
        own = self.paper, self.name, self.scale, row
        found = record.paper, record.table, record.scale, record.row
        return (
            own == found
            and record.training == placeless(self.training(row, seed))
            and record.looks == self.look_digests(row, seed)
            and all(c.title in record.values for c in self.table.columns)
        )

    def look_digests(self, row: str, seed: int) -> dict[str, str]:
        """Return name -> digest of the settings of each look at a row."""
        return {
            name: look_digest(self.look_config(name, row, seed))
            for name in self.table.looks
        }

    def records(self, directory: pathlib.Path) -> list[RowRecord]:
        """Return what a directory has of the rows' records, in their order.

        Raises:
            ValueError: for a file that is no record of a row.
        """
        found = self._own_records(directory)
        joined = self._transfers(directory).joined(self._firsts(found))
        found |= {(row, self._first(row)): r for row, r in joined.items()}
        return list(found.values())

    def weights(self, record: RowRecord, seed: int) -> pathlib.Path | None:
        """Return the file of a record's weights, or of these as kept."""
        card = self.kept_card(record.row, seed)
        digest = record.model_digest
        if self.kept_dir and card and card.rounded_from == digest:
            return self.kept_dir / f"{card.name}.npz"
        model = self.model(record.row, seed)
        if not model.is_file():
            return None
        found = weights_digest(load_classifier(model))
        return model if found == digest else None

    def first_weights(
        self, directory: pathlib.Path
    ) -> dict[str, pathlib.Path | None]:
        """Return row -> `weights` of its first seed's record."""
        firsts = self._firsts(self._own_records(directory))
        return {
            row: self.weights(record, self._first(row))
            for row, record in firsts.items()
        }

    def _own_records(
        self, directory: pathlib.Path
    ) -> dict[tuple[str, int], RowRecord]:
        """Return what there is of each row and seed."""
        found = {}
        for row in self.table.models:
            for seed in self.table.seeds(row, self.scale):
                record = read_row(directory / f"{slug(row)}-{seed}.json")
                if record is not None and self.is_of(record, row, seed):
                    found[row, seed] = record
        return found

    def record(self, row: str, seed: int) -> RowRecord:
        """Train, look, and return what became of it."""
        card = self.card(row, seed)
        training = card or self._train(row, seed)
        seen = {look: self.look(look, row, seed) for look in self.table.looks}
        evaluations = {
            k: r for k, r in seen.items() if isinstance(r, EvaluationRecord)
        }
        return RowRecord(
            paper=self.paper,
            table=self.name,
            scale=self.scale,
            row=row,
            values={
                c.title: _short(c.read(seen[c.look]))
                for c in self.table.columns
            },
            budgets=tuple(
                f"{name}: {line}"
                for name, record in evaluations.items()
                for line in reports.settings_lines(record)
            ),
            masking=tuple(c for r in evaluations.values() for c in r.masking),
            examples={k: r.num_examples for k, r in evaluations.items()},
            training=placeless(self.training(row, seed)),
            seconds=round(training.seconds, 1),
            model_digest=weights_digest(load_classifier(self.model(row, seed))),
            provenance={
                **training.provenance,
                ROUNDED: card is not None,
                EVALUATED_AT: sorted(
                    {
                        recorded(cast(Any, r).provenance, "revision")
                        for r in seen.values()
                    }
                ),
            },
            looks=self.look_digests(row, seed),
        )

    def _train(self, row: str, seed: int) -> TrainingRecord:
        config, directory = self.training(row, seed), self.directory(row, seed)
        # Resuming nothing begins.
        record = train(config, directory, resume=True, say=quiet)
        return cast(TrainingRecord, record)

    def look(
        self,
        name: str,
        row: str,
        seed: int,
        weights: pathlib.Path | None = None,
    ) -> Record:
        """Return an evaluation or analysis of a row's model.

        Of kept weights apart from the training's directory, which another
        training may be begun in.

        Args:
            name: of the look.
            row, seed: of the training.
            weights: the model's file; default `model`.
        """
        config = self.look_config(name, row, seed)
        if weights is not None:
            config = dataclasses.replace(config, model=str(weights))
        own = f"{slug(name)}-{look_digest(config)}"
        run = self.directory(row, seed)
        if pathlib.Path(config.model) != run / LAST:
            run = run.with_name(f"{run.name}-kept")
        return self.table.looks[name].run(config, run / own)

    def look_config(self, name: str, row: str, seed: int) -> Any:
        """Return the settings of an evaluation or analysis of a row."""
        return self.table.looks[name].config(
            str(self.model(row, seed)),
            self.table.settings[self.scale],
            self.data_dir,
        )

    def add_transfers(
        self, directory: pathlib.Path, say: Callable[[str], None]
    ) -> None:
        """Attack the rows on record with each other's points, first seeds.

        Those whose weights are here; see `PaperTransfers.add`.
        """
        firsts = self._firsts(self._own_records(directory))
        self._transfers(directory).add(
            firsts, self.first_weights(directory), say
        )

    def _transfers(self, directory: pathlib.Path) -> PaperTransfers:
        setting, attacked = self.table.settings[self.scale], self.table.transfer
        return PaperTransfers(directory, setting, attacked, self.data_dir)

    def _first(self, row: str) -> int:
        return self.table.seeds(row, self.scale)[0]

    def _firsts(
        self, records: Mapping[tuple[str, int], RowRecord]
    ) -> dict[str, RowRecord]:
        """Return row -> its first seed's record, of what there is."""
        return {
            row: record
            for (row, seed), record in records.items()
            if seed == self._first(row)
        }


def read_row(path: pathlib.Path) -> RowRecord | None:
    """Return a row's record, `None` where there is no file.

    Raises:
        ValueError: for what is there and is no record of a row.
    """
    if not path.exists():
        return None
    record = read_record(path)
    if not isinstance(record, RowRecord):
        raise ValueError(f"{path} is no record of a table's row.")
    return record


def slug(title: str) -> str:
    """Return a title as the name of a file."""
    return re.sub(r"[^\w.]+", "_", title).strip("_.").lower()


def _short(value: float | None) -> float | None:
    """Return six digits; more would tell processors apart."""
    return None if value is None else float(f"{value:.6g}")
