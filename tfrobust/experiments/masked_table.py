"""The masking report on honest and on masked models, as a page."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Iterator

import keras

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.comparing import row_directory
from tfrobust.experiments.comparing import train_row
from tfrobust.experiments.masked_models import masked
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.page_files import check_page
from tfrobust.experiments.page_files import write_text
from tfrobust.experiments.provenance import provenance
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.records import CheckRecord
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class MaskedTable:
    """Rows of a comparison, honest and not, and the first one masked.

    Attributes:
        comparison: whose rows; its trainings are taken where they are.
        honest: rows that must not fail.
        masking: rows that must fail.
        seeds: of the trainings.
        num_examples: test images looked at.
    """

    comparison: str
    honest: tuple[str, ...] = (
        "standard",
        "adversarial training",
        "TRADES 6",
        "gradient norm 3",
    )
    masking: tuple[str, ...] = ("MAT, SO alone",)
    seeds: tuple[int, ...] = (0, 1)
    num_examples: int = 200


MASKED_TABLES = {
    "masking": MaskedTable("digits"),
    "masking_mnist": MaskedTable("mnist", seeds=(0,)),
}
Say = Callable[[str], None]
_Model = tuple[str, keras.Model, Objective | None]


def masking_table(
    name: str,
    output_dir: str | pathlib.Path,
    *,
    page: str | pathlib.Path | None = None,
    data_dir: str | None = None,
    say: Say = print,
) -> dict[str, tuple[CheckRecord, ...]]:
    """Train, mask, look; print the table and write it as a page.

    The surrogate whose points are tried on each is the second seed's
    standard model, or the first's where there is one.

    Args:
        name: a key of `MASKED_TABLES`.
        output_dir: trainings go here; what is finished there, also by
            `compare`, is kept.
        page: a Markdown file to write; default none.
        data_dir: where prepared sets are.
        say: is told what a person should know; default `print`.

    Returns:
        "model, seed" -> the report's checks.
    """
    check_choice("table", name, tuple(MASKED_TABLES))
    if page is not None:
        check_page(page)
    table = MASKED_TABLES[name]
    comparison = recipes.find_comparison(table.comparison)
    data = recipes.load_data(comparison.data, data_dir=data_dir)
    test = data.test.first(table.num_examples)
    ball = NormBall("inf", epsilon=comparison.epsilon)
    runs = _runs(table, pathlib.Path(output_dir), data_dir, say)
    first = runs[table.honest[0], table.seeds[-1]]
    surrogates = {"standard": load_classifier(first)}
    found = {}
    for label, classifier, adaptive in _models(table, runs):
        attacks = evaluation.masking_attacks(
            ball, adaptive_objective=adaptive, surrogates=surrogates
        )
        with AttackProgress((attacks, len(test)), label=label) as bar:
            found[label] = evaluation.masking_report(
                classifier,
                test.images(),
                test.y,
                ball,
                adaptive_objective=adaptive,
                surrogates=surrogates,
                progress=bar,
            )
    rows = reports.masking_rows(found)
    say(reports.as_text(rows))
    if page is not None:
        write_text(page, _page(name, rows, found))
    return found


def _runs(
    table: MaskedTable, output: pathlib.Path, data_dir: str | None, say: Say
) -> dict[tuple[str, int], pathlib.Path]:
    """Return (row, seed) -> its model, trained."""
    comparison = recipes.find_comparison(table.comparison)
    runs = {}
    for seed in table.seeds:
        for label in (*table.honest, *table.masking):
            suffix = f"-{seed}" if seed else ""
            directory = output / (row_directory(label) + suffix)
            train_row(
                comparison,
                label,
                directory,
                data_dir=data_dir,
                seed=seed,
                say=say,
            )
            runs[label, seed] = directory / "last.keras"
    return runs


def _models(
    table: MaskedTable, runs: dict[tuple[str, int], pathlib.Path]
) -> Iterator[_Model]:
    """Return (name, classifier, what its adaptive attack climbs)."""
    for (label, seed), path in runs.items():
        classifier, adaptive = load_attacked(path)
        yield f"{label}, seed {seed}", classifier, adaptive
        if label == table.honest[0]:
            for way, model in masked(classifier).items():
                yield f"{way}, seed {seed}", model, CrossEntropy()


def _page(
    name: str, rows: list[list[str]], found: dict[str, tuple[CheckRecord, ...]]
) -> str:
    origin, table = provenance(0), MASKED_TABLES[name]
    comparison = recipes.find_comparison(table.comparison)
    versions = ", ".join(
        f"{k} {origin[k]}" for k in ("revision", "tensorflow", "keras")
    )
    checks = next(iter(found.values()))
    parts = [
        f"# Masked gradients on {comparison.data}, found or not",
        f"Written by `python -m tools.reproduce --table={name}` ({versions}).",
        f"Networks and trainings of `--table={table.comparison}`, l-inf, "
        f"epsilon {comparison.epsilon:g}, the first {table.num_examples} "
        "test images. (?) is suspicious, (!) failed. The thresholds were set "
        "beforehand, and no seed and no data set changed them. Nothing of "
        f"{', '.join(table.honest)} may fail; everything else must.",
        reports.as_markdown(rows),
        "What the numbers are:",
        "\n".join(f"- {c.name}: {c.meaning}" for c in checks),
    ]
    return "\n\n".join(parts) + "\n"
