"""Rows of a table under each other's points: made, kept, and read."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tfrobust.experiments.paper_details import ALL_IMAGES
from tfrobust.experiments.paper_details import MET_ROUNDED
from tfrobust.experiments.paper_details import ROUNDED
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

    def joined(self, records: Mapping[str, RowRecord]) -> dict[str, RowRecord]:
        """Return row -> its record with accuracy in % under rows' points.

        Only of weights that are those on record, attacked as today.

        Args:
            records: row -> its first seed's.

        Raises:
            ValueError: for a file that is no record of transfers.
        """
        found = self._read()
        if found is None:
            return {}
        digests = zip(found.models, found.model_digests, strict=True)
        number = {
            row: k
            for k, (row, digest) in enumerate(digests)
            if row in records and records[row].model_digest == digest
        }
        (matrix,) = found.accuracy.values()
        rounded = found.provenance.get(ROUNDED, ())
        return {
            target: dataclasses.replace(
                records[target],
                values={
                    **records[target].values,
                    **{
                        s: round(100 * matrix[n][k], 2)
                        for s, n in number.items()
                    },
                },
                provenance={
                    **records[target].provenance,
                    MET_ROUNDED: target in rounded,
                },
            )
            for target, k in number.items()
        }

    def _read(self) -> TransferRecord | None:
        """Return what is on record of today's attack."""
        path = self.directory / TRANSFERS
        if self.attacked is None or not path.is_file():
            return None
        found = read_record(path)
        if not isinstance(found, TransferRecord):
            raise ValueError(f"{path} is no record of transfers.")
        config = placeless(self._config(found.models))
        same = found.provenance.get("configuration") == config
        return found if same else None

    def add(
        self,
        records: Mapping[str, RowRecord],
        weights: Mapping[str, pathlib.Path | None],
        say: Callable[[str], None],
    ) -> None:
        """Attack those whose weights are here with each other's points.

        Where these are no more than were attacked already, that stays.

        Args:
            records: row -> its first seed's.
            weights: row -> the file of the weights on record, or of these
                as kept, or `None`.
            say: is told whose weights aren't here.
        """
        if self.attacked is None:
            return
        paths = {row: str(path) for row, path in weights.items() if path}
        for row in records.keys() - paths.keys():
            say(f"{row} meets no new points: no weights as on record here.")
        if len(paths) == 1 and not self.joined(records):
            (row,) = paths
            say(f"{row} meets no points: these want two rows or more.")
        if len(paths) < 2 or not set(self.joined(records)) < set(paths):
            return
        made = transfer(self._config(list(paths.values())), say=quiet)
        # Under their records' digests, whose numbers these become.
        digests = {row: records[row].model_digest for row in paths}
        attacked = zip(digests.items(), made.model_digests, strict=True)
        named = dataclasses.replace(
            made,
            models=tuple(digests),
            model_digests=tuple(digests.values()),
            provenance=made.provenance
            | {
                "configuration": placeless(self._config(list(paths))),
                ROUNDED: [row for (row, own), met in attacked if own != met],
            },
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
