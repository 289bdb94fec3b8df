"""Rows of a table under each other's points: made, kept, and read."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tfrobust.evaluation import weights_digest
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.paper_details import ALL_IMAGES
from tfrobust.experiments.papers.looks import quiet
from tfrobust.experiments.papers.tables import Setting
from tfrobust.experiments.run_names import placeless
from tfrobust.experiments.transferring import transfer
from tfrobust.experiments.transferring import TransferConfig
from tfrobust.records import read_record
from tfrobust.records import RowRecord
from tfrobust.records import TransferRecord
from tfrobust.records import write_record

# In a table's directory, beside its rows' records.
TRANSFERS = "transfers.json"


@dataclasses.dataclass(frozen=True)
class PaperTransfers:
    """The first seeds of a table's rows under each other's points.

    Attributes:
        directory: of the table's records; `TRANSFERS` is there.
        setting: of the table's scale.
        attacked: settings of a `TransferConfig`; `None` where the table has
            no such columns.
        data_dir: where prepared sets are.
    """

    directory: pathlib.Path
    setting: Setting
    attacked: Mapping[str, Any] | None
    data_dir: str | None

    def read(
        self, records: Mapping[str, RowRecord]
    ) -> dict[str, dict[str, float]]:
        """Return row -> accuracy in % under each row's points.

        Only of weights that are those on record, attacked as today.

        Args:
            records: row -> its first seed's.

        Raises:
            ValueError: for a file that is no record of transfers.
        """
        path = self.directory / TRANSFERS
        if self.attacked is None or not path.is_file():
            return {}
        found = read_record(path)
        if not isinstance(found, TransferRecord):
            raise ValueError(f"{path} is no record of transfers.")
        config = placeless(self._config(found.models))
        if found.provenance.get("configuration") != config:
            return {}
        digests = zip(found.models, found.model_digests, strict=True)
        number = {
            row: k
            for k, (row, digest) in enumerate(digests)
            if row in records and records[row].model_digest == digest
        }
        (matrix,) = found.accuracy.values()
        return {
            target: {
                source: round(100 * matrix[number[source]][number[target]], 2)
                for source in number
            }
            for target in number
        }

    def add(
        self,
        records: Mapping[str, RowRecord],
        models: Mapping[str, pathlib.Path],
        say: Callable[[str], None],
    ) -> None:
        """Attack those whose weights are here with each other's points.

        Where these are no more than were attacked already, that stays.

        Args:
            records: row -> its first seed's.
            models: row -> the file where its model may be.
            say: is told whose weights aren't here.
        """
        if self.attacked is None:
            return
        paths = {
            row: str(models[row])
            for row, record in records.items()
            if models[row].is_file()
            and weights_digest(load_classifier(models[row]))
            == record.model_digest
        }
        for row in records.keys() - paths.keys():
            say(f"{row} meets no new points: no weights as on record here.")
        if len(paths) < 2 or not set(self.read(records)) < set(paths):
            return
        made = transfer(self._config(list(paths.values())), say=quiet)
        config = placeless(self._config(list(paths)))
        named = dataclasses.replace(
            made,
            models=tuple(paths),
            provenance=made.provenance | {"configuration": config},
        )
        write_record(named, self.directory / TRANSFERS)

    def _config(self, models: Sequence[str]) -> TransferConfig:
        usual: dict[str, Any] = {
            "data": self.setting.training["data"],
            "num_examples": self.setting.num_examples or ALL_IMAGES,
        }
        return TransferConfig(
            list(models),
            data_dir=self.data_dir,
            **{**usual, **(self.attacked or {})},
        )
