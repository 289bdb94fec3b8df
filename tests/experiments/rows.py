"""Records of papers' rows and probes that nobody trained."""

import dataclasses

from tfrobust.experiments.paper_rows import slug
from tfrobust.experiments.reproducing import paper_work
from tfrobust.experiments.reproducing import row_directory
from tfrobust.experiments.reproducing import write_page
from tfrobust.experiments.run_names import placeless
from tfrobust.records import ProbeRecord
from tfrobust.records import RowRecord
from tfrobust.records import write_record


def write_row(directory, scale, row, values, of=("manifold-aware", "table-4")):
    """Write the record of a first seed, with these numbers, and its page."""
    work = paper_work(*of, scale, directory)
    where = row_directory(directory, work)
    where.mkdir(parents=True, exist_ok=True)
    nothing = dict.fromkeys(column.title for column in work.table.columns)
    record = RowRecord(
        paper=work.paper,
        table=work.name,
        scale=scale,
        row=row,
        values=nothing | values,
        budgets=(),
        masking=(),
        examples={"pgd": 1000, "added": 500},
        training=placeless(work.training(row, 0)),
        seconds=1.0,
        model_digest="0",
        provenance={
            "seed": 0,
            "revision": "1",
            "tensorflow": "2",
            "keras": "3",
        },
        looks=work.look_digests(row, 0),
    )
    write_record(record, where / f"{slug(row)}-0.json")
    write_page(work, where)


def probe(**changes):
    """Return a probe: by default five minutes of training."""
    found = ProbeRecord(
        step_seconds=0.6,
        steps=500,
        forward_seconds=0.012,
        gradient_seconds=0.06,
        num_parameters=1234,
        provenance={},
    )
    return dataclasses.replace(found, **changes)
