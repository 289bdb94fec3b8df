"""Models of the zoo: taken from runs, with what evaluations found."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import shlex
from collections.abc import Callable
from collections.abc import Sequence
from typing import cast

from tfrobust import reports
from tfrobust import zoo
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import run_directory
from tfrobust.experiments.kept_objectives import kept_objective
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_flags import flag_lines
from tfrobust.experiments.training_record import is_of
from tfrobust.records import CardRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import Record
from tfrobust.records import TrainingRecord
from tfrobust.records import whole_file

_MARKS = "<!-- zoo -->\n", "<!-- end of zoo -->\n"
_WORST = "worst case"
_TRAIN = ["python", "-m", "tools.train"]


def add_to_zoo(
    run: str | pathlib.Path,
    name: str,
    directory: zoo.Directory = None,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> CardRecord:
    """Keep a run's last model as float16 weights, with a card.

    The card has no results yet: what is evaluated must be what is loaded,
    so evaluate the model of the zoo, then pass that to `add_results`.

    Args:
        run: directory of a training.
        name: of the model.
        directory: cards and weights; default those that ride along.
        overwrite: replace a model of that name.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: where no training is, or a model of that name is there.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            "`name` must be of letters, digits, dots and hyphens. "
            f"Received: name={name!r}"
        )
    is_new = directory is not None and not pathlib.Path(directory).exists()
    if not is_new and name in zoo.names(directory) and not overwrite:
        raise ValueError(
            f"The zoo has {name!r} already; pass overwrite to replace it."
        )
    path = pathlib.Path(run)
    training = cast(
        TrainingRecord,
        _read(path / "training.json", TrainingRecord, "training"),
    )
    config = TrainingConfig(**run_directory.read_config(path))
    if not is_of(training, config):
        raise ValueError(
            f"{path / 'training.json'} isn't of {path / 'config.json'}."
        )
    attacked, objective = load_attacked(path / LAST)
    told = training.model_digest
    if told and told != weights_digest(attacked):
        raise ValueError(
            f"{path / LAST} isn't the model of {path / 'training.json'}."
        )
    classifier = zoo.rounded(attacked)
    config = dataclasses.replace(config, data_dir=None)
    card = CardRecord(
        name=name,
        data=config.data,
        network=json.loads(classifier.to_json()),
        command=shlex.join(_TRAIN + flag_lines(config)),
        results={},
        budgets=(),
        num_examples=0,
        training=plain(config),
        seconds=training.seconds,
        model_digest=weights_digest(classifier),
        provenance=training.provenance,
        adaptive_objective=kept_objective(objective),
    )
    zoo.save(classifier, card, directory)
    say(
        f"Kept {path / LAST} as {name}, {classifier.count_params():,} "
        "parameters."
    )
    return card


def add_results(
    name: str,
    evaluations: Sequence[str | pathlib.Path],
    directory: zoo.Directory = None,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> CardRecord:
    """Put evaluations on the card of the model that they were of.

    Args:
        name: of a model in the zoo.
        evaluations: directories of runs of tools.evaluate, of the same
            images.
        directory: where it is; default those that ride along.
        overwrite: replace the results that are there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for an evaluation of another model or of other images
            than the first's, or none, or where the card has results.
    """
    card = zoo.card(name, directory)
    if card.results and not overwrite:
        raise ValueError(
            f"{name} has results already, {', '.join(card.results)}; pass "
            "overwrite to replace them."
        )
    record = _joined([_evaluation(card, path) for path in evaluations])
    shares = {
        "clean": record.clean_accuracy,
        **{a.name: a.robust_accuracy for a in record.attacks},
        _WORST: record.worst_case_accuracy,
    }
    card = dataclasses.replace(
        card,
        results={k: round(100 * share, 4) for k, share in shares.items()},
        budgets=tuple(reports.settings_lines(record)),
        num_examples=record.num_examples,
        results_of="",  # of these very weights, and no longer of another's
    )
    zoo.save(zoo.load(name, directory), card, directory)
    say(f"{name}: {100 * record.worst_case_accuracy:.2f} % in the worst case.")
    return card


def _evaluation(
    card: CardRecord, directory: str | pathlib.Path
) -> EvaluationRecord:
    """Return the evaluation in a directory, of a card's model."""
    path = pathlib.Path(directory) / "evaluation.json"
    record = cast(EvaluationRecord, _read(path, EvaluationRecord, "evaluation"))
    # Weights alone don't tell what is before and behind them.
    called = f"zoo:{card.name}", f"{card.name}.npz"
    same = pathlib.Path(record.model).name in called
    if not same or record.model_digest != card.model_digest:
        raise ValueError(
            f"{path} is not of {card.name} as it is loaded; "
            f"evaluate --model=zoo:{card.name} or its .npz file. "
            f"Received: model={record.model}"
        )
    return record


def _joined(records: Sequence[EvaluationRecord]) -> EvaluationRecord:
    """Return the first evaluation with the attacks of all."""
    first, *others = records
    for other in others:
        images = (other.data, other.split, other.clean)
        if images != (first.data, first.split, first.clean):
            raise ValueError(
                "Evaluations on one card must be of the same images. Received: "
                f"{first.num_examples} and {other.num_examples} of "
                f"{first.data} and {other.data}"
            )
    attacks = {a.name: a for record in records for a in record.attacks}
    return dataclasses.replace(first, attacks=tuple(attacks.values()))


def zoo_table(directory: zoo.Directory = None) -> list[list[str]]:
    """Return a header and a line for each model, the most robust first."""
    header = [
        "model",
        "defense",
        "clean %",
        "worst case %",
        "images",
        "under",
        "trained in",
    ]
    cards = [zoo.card(name, directory) for name in zoo.names(directory)]
    cards.sort(key=lambda card: -card.results.get(_WORST, -1.0))
    return [header, *(_line(card) for card in cards)]


def write_zoo_table(
    page: str | pathlib.Path, directory: zoo.Directory = None
) -> None:
    """Put the table between its marks on a Markdown page.

    Raises:
        ValueError: for a page without the marks.
    """
    path = pathlib.Path(page)
    head, tail = check_zoo_page(page)
    table = reports.as_markdown(zoo_table(directory))
    with whole_file(path) as part:
        part.write_text(f"{head}{_MARKS[0]}{table}\n{_MARKS[1]}{tail}")


def check_zoo_page(page: str | pathlib.Path) -> tuple[str, str]:
    """Return what stands before and after the table's marks on a page.

    Raises:
        ValueError: for no page, or one without the marks.
    """
    path = pathlib.Path(page)
    if not path.is_file():
        raise ValueError(f"There is no page {path}.")
    head, first, rest = path.read_text().partition(_MARKS[0])
    _, last, tail = rest.partition(_MARKS[1])
    if not first or not last:
        marks = " and ".join(mark.strip() for mark in _MARKS)
        raise ValueError(f"{page} has no lines {marks}.")
    return head, tail


def _line(card: CardRecord) -> list[str]:
    return [
        card.name,
        card.training.get("defense", "-"),
        *_found(card),
        f"{card.seconds / 60:.0f} min",
    ]


def _found(card: CardRecord) -> list[str]:
    """Return what evaluations found, and under what."""
    if card.results_of:  # other weights, and a table's columns and units
        table = ", ".join(card.results_of.split(", ")[:2])
        return ["-", "-", "-", f"{table}: see its card"]
    attacks = [name for name in card.results if name not in ("clean", _WORST)]
    return [
        _percent(card, "clean"),
        _percent(card, _WORST),
        f"{card.num_examples:,}",
        ", ".join(attacks) or "-",
    ]


def _percent(card: CardRecord, name: str) -> str:
    return f"{card.results[name]:.2f}" if name in card.results else "-"


def _read(path: pathlib.Path, kind: type[Record], what: str) -> Record:
    if not path.is_file():
        raise ValueError(f"There is no finished {what} in {path.parent}.")
    record = read_record(path)
    if not isinstance(record, kind):
        raise ValueError(f"{path} is no record of a {what}.")
    return record
