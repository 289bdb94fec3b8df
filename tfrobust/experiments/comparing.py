"""Train and attack the defenses of a table; write the page."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable

from tfrobust import recipes
from tfrobust import reports
from tfrobust.callbacks.backup import is_whole
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.evaluating import evaluate
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.models import load_model
from tfrobust.experiments.page_files import check_page
from tfrobust.experiments.page_files import write_text
from tfrobust.experiments.provenance import recorded
from tfrobust.experiments.run_directory import is_begun
from tfrobust.experiments.run_directory import read_config
from tfrobust.experiments.run_names import placeless
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_record import read_finished
from tfrobust.recipes.comparisons import Comparison
from tfrobust.records import EvaluationRecord
from tfrobust.records import is_whole_json
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord

Pair = tuple[str, TrainingRecord, EvaluationRecord]


def compare(
    name: str,
    output_dir: str | pathlib.Path,
    *,
    page: str | pathlib.Path | None = None,
    data_dir: str | None = None,
    say: Callable[[str], None] = print,
) -> list[Pair]:
    """Train and attack every defense of a table.

    What is finished in `output_dir` is kept, so a run that was stopped goes
    on where it was; remove a directory to do its row again.

    Args:
        name: a key of `recipes.COMPARISONS`.
        output_dir: run directories go here.
        page: a Markdown file to write; default none.
        data_dir: where prepared sets are.
        say: is told what a person should know; default `print`.

    Returns:
        (label, training, evaluation) of each row.
    """
    comparison = recipes.find_comparison(name)
    if page is not None:
        check_page(page)
    output = pathlib.Path(output_dir)
    rows = []
    for index, label in enumerate(comparison.defenses, 1):
        say(f"[{index}/{len(comparison.defenses)}] {label}")
        directory = output / row_directory(label)
        training = train_row(
            comparison, label, directory, data_dir=data_dir, say=say
        )
        rows.append(
            (label, training, _attacked(comparison, directory, data_dir))
        )
    say(reports.as_text(_table(rows)))
    if page is not None:
        write_text(page, _page(name, comparison, rows))
    return rows


def row_directory(label: str) -> str:
    """Return the name of the directory of a table's row."""
    return re.sub(r"\W+", "_", label).strip("_")


def train_row(
    comparison: Comparison,
    label: str,
    directory: pathlib.Path,
    *,
    data_dir: str | None = None,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> TrainingRecord:
    """Train a row of a table, or return what is there.

    Args:
        comparison: the table.
        label: of the row.
        directory: the run directory.
        data_dir: where prepared sets are.
        seed: of the training; default 0.
        say: is told what a person should know; default `print`.
    """
    defense, settings = comparison.defenses[label]
    own = comparison.own_training.get(label, {})
    config = TrainingConfig(
        comparison.data,
        data_dir=data_dir,
        defense=defense,
        settings=dict(settings),
        epsilon=comparison.epsilon,
        seed=seed,
        **(dict(comparison.training) | dict(own)),
    )
    # Data elsewhere are refused and no reason to train anew: hours are lost.
    begun = is_begun(directory)
    same = begun and placeless(read_config(directory)) == placeless(config)
    if same and _is_finished(directory, config):
        return read_record(directory / "training.json")  # type: ignore[return-value]
    other = begun and not same
    return train(config, directory, resume=same, overwrite=other, say=say)


def _is_finished(directory: pathlib.Path, config: TrainingConfig) -> bool:
    """Say whether a row's training is done, and record and model are its own.

    Loading no data this is quick; `train` says what is wrong with others.
    """
    if not is_whole(directory / LAST):
        return False
    try:
        model = load_model(directory / LAST)
        return read_finished(directory, model, config) is not None
    except ValueError:
        return False


def _attacked(
    comparison: Comparison, directory: pathlib.Path, data_dir: str | None
) -> EvaluationRecord:
    config = EvaluationConfig(
        str(directory / "last.keras"),
        data=comparison.data,
        data_dir=data_dir,
        attacks=("gradient",),
        epsilon=comparison.epsilon,
        num_examples=comparison.num_examples,
        num_restarts=comparison.num_restarts,
        masking_examples=0,
    )
    output = directory / "attacked"
    finished = output / "evaluation.json"
    if is_whole_json(finished) and _is_of(finished, config):
        return read_record(finished)  # type: ignore[return-value]
    return evaluate(  # type: ignore[return-value]
        config, output, overwrite=output.is_dir(), say=lambda _: None
    )


def _is_of(path: pathlib.Path, config: EvaluationConfig) -> bool:
    """Say whether a record is of these settings and of the model there."""
    record = read_record(path)
    if not isinstance(record, EvaluationRecord):
        return False
    there = record.provenance.get("configuration")
    if not isinstance(there, dict):
        return False
    # A setting that is newer than the record says nothing against it.
    same = {**plain(config), **there} == plain(config)
    model = load_classifier(config.model)
    return same and record.model_digest == weights_digest(model)


def _table(rows: list[Pair]) -> list[list[str]]:
    """Return header and rows, the training time at the end."""
    records = [dataclasses.replace(r, model=label) for label, _, r in rows]
    table = reports.robustness_rows(records)
    table[0].append("training s")
    for cells, (_, training, _) in zip(table[1:], rows, strict=True):
        cells.append(f"{training.seconds:.0f}")
    return table


def _page(name: str, comparison: Comparison, rows: list[Pair]) -> str:
    """Return the table as a page, from the records alone."""
    origin = rows[0][2].provenance
    examples = rows[0][2].num_examples
    shared = ", ".join(f"{k} {v}" for k, v in comparison.training.items())
    versions = ", ".join(
        f"{k} {recorded(origin, k)}" for k in ("tensorflow", "keras", "seed")
    )
    # Rows that are kept may be older than the others.
    records = [
        r for _, training, attacked in rows for r in (training, attacked)
    ]
    revisions = sorted({recorded(r.provenance, "revision") for r in records})
    parts = [
        f"# Defenses on {comparison.data}, l-inf ball of radius "
        f"{comparison.epsilon:g}",
        f"Written by `python -m tools.reproduce --table={name}` from its "
        f"records ({versions}; trained and attacked at revisions "
        f"{', '.join(revisions)}).",
        f"{comparison.notes} Training: {shared}{_own_training(comparison)}; "
        "the last epoch's weights. "
        f"Attacks: best points of the first {examples} test images, "
        f"{comparison.num_restarts} random starts; adaptive climbs what the "
        "defense trained with; where that is cross-entropy alone, pgd is "
        "it. Nothing here is as strong as AutoAttack: upper bounds.",
        reports.as_markdown(_table(rows)),
        "The attacks' settings:",
        "\n".join(f"- {line}" for line in _settings_lines(rows[0][2])),
    ]
    return "\n\n".join(parts) + "\n"


def _own_training(comparison: Comparison) -> str:
    """Return what single rows train with beside the rest."""
    return "".join(
        f"; {label}: " + ", ".join(f"{k} {v}" for k, v in own.items())
        for label, own in comparison.own_training.items()
    )


def _settings_lines(record: EvaluationRecord) -> list[str]:
    """Return what the attacks spent; the adaptive one differs by row."""
    lines = reports.settings_lines(record)
    shared = [line for line in lines if not line.startswith("adaptive")]
    return [*shared, "adaptive: as pgd, on the defense's own objective"]
