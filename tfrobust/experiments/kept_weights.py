"""Weights of a paper's rows, where they are small enough to keep."""

from __future__ import annotations

import json
import pathlib

from tfrobust import zoo
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.kept_objectives import kept_objective
from tfrobust.experiments.kept_origins import told_origin
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.paper_details import image_counts
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.paper_rows import slug
from tfrobust.records import CardRecord
from tfrobust.records import RowRecord

MOST_BYTES = 1_000_000


def keep_weights(
    work: PaperRows, record: RowRecord, seed: int, directory: pathlib.Path
) -> None:
    """Keep the weights of a row's first seed, for `zoo.load`.

    Rows that are trained alike are one model; its card is the first's.

    Args:
        work: the table.
        record: of the row; its numbers are of the weights before rounding.
        seed: of the training.
        directory: cards and weights go here.
    """
    name = work.directory(record.row, seed).name
    classifier, objective = load_attacked(work.model(record.row, seed))
    first = seed == work.table.seeds(record.row, work.scale)[0]
    large = 2 * classifier.count_params() > MOST_BYTES
    classifier = zoo.rounded(classifier)
    digest = weights_digest(classifier)
    if large or not first or _is_kept(name, digest, directory):
        return
    card = CardRecord(
        name=name,
        data=record.training["data"],
        network=json.loads(classifier.to_json()),
        command=(
            f"python -m tools.reproduce --paper={work.paper} "
            f"--table={work.name} --scale={work.scale} "
            f"--rows={slug(record.row)}"
        ),
        results={
            title: value
            for title, value in record.values.items()
            if value is not None
        },
        budgets=record.budgets,
        num_examples=max(record.examples.values(), default=0),
        training=record.training,
        seconds=record.seconds,
        model_digest=digest,
        provenance=record.provenance,
        results_of=_results_of(work, record),
        adaptive_objective=kept_objective(objective),
    )
    zoo.save(classifier, card, directory)


def _is_kept(name: str, digest: str, directory: pathlib.Path) -> bool:
    """Say whether card and weights of a model are there, and its own."""
    try:
        zoo.load(name, directory)
        return zoo.card(name, directory).model_digest == digest
    except ValueError:
        return False


def _results_of(work: PaperRows, record: RowRecord) -> str:
    """Return whose numbers a card has: of other weights, in a table's units."""
    told = (
        f"{work.paper}, {work.name}, in its units, "
        f"{told_origin(record.model_digest)}"
    )
    return ". ".join([told, *image_counts(work.table, work.scale)])
