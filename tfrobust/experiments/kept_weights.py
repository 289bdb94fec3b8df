"""Weights of a paper's rows, where they are small enough to keep."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import keras
import numpy as np

from tfrobust import zoo
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.kept_objectives import kept_objective
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.paper_details import image_counts
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.paper_rows import slug
from tfrobust.objectives import Objective
from tfrobust.records import CardRecord
from tfrobust.records import RowRecord

MOST_BYTES = 1_000_000


def keep_weights(
    work: PaperRows, record: RowRecord, seed: int, directory: pathlib.Path
) -> None:
    """Keep the weights of a row's first seed, for `zoo.load`.

    Rows that are trained alike are one model; its card is the first's, and
    tells what the first's record tells now. Models of more than `MOST_BYTES`
    aren't kept, nor weights that float16 can't hold.

    Args:
        work: the table.
        record: of the row.
        seed: of the training.
        directory: cards and weights go here.
    """
    if seed != work.table.seeds(record.row, work.scale)[0]:
        return
    classifier, objective = load_attacked(work.model(record.row, seed))
    if 2 * classifier.count_params() > MOST_BYTES:
        return
    classifier = zoo.rounded(classifier)
    if not all(np.isfinite(w).all() for w in classifier.get_weights()):
        return
    card = _card(work, record, seed, classifier, objective)
    kept = _kept(card, directory)
    if kept is not None and kept.command != card.command:
        return
    if kept is not None and record.model_digest == card.model_digest:
        card = dataclasses.replace(card, rounded_from=kept.rounded_from)
    zoo.save(classifier, card, directory)


def _card(
    work: PaperRows,
    record: RowRecord,
    seed: int,
    classifier: keras.Model,
    objective: Objective | None,
) -> CardRecord:
    digest = weights_digest(classifier)
    return CardRecord(
        name=work.directory(record.row, seed).name,
        data=record.training["data"],
        network=json.loads(classifier.to_json()),
        command=(
            f"python -m tools.reproduce --paper={work.paper} "
            f"--table={work.name} --scale={work.scale} "
            f"--rows={slug(record.row)}"
        ),
        results={k: v for k, v in record.values.items() if v is not None},
        # Without the look's name, the tables' own.
        budgets=tuple(line.split(": ", 1)[1] for line in record.budgets),
        num_examples=max(record.examples.values(), default=0),
        training=record.training,
        seconds=record.seconds,
        model_digest=digest,
        provenance=record.provenance,
        results_of=_results_of(work, record, digest),
        adaptive_objective=kept_objective(objective),
        rounded_from=record.model_digest,
    )


def _kept(card: CardRecord, directory: pathlib.Path) -> CardRecord | None:
    """Return the card that is there with the same weights, both whole."""
    try:
        zoo.load(card.name, directory)
        kept = zoo.card(card.name, directory)
    except ValueError:
        return None
    return kept if kept.model_digest == card.model_digest else None


def _results_of(work: PaperRows, record: RowRecord, digest: str) -> str:
    """Return whose numbers a card has, in a table's units."""
    told = f"{work.paper}, {work.name}, in its units"
    if record.model_digest != digest:
        told += (
            f", of the float32 weights ({record.model_digest[:12]}) that were "
            "rounded to these"
        )
    return ". ".join([told, *image_counts(work.table, work.scale)])
