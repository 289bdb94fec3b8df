"""How long a row of a paper's table takes, from fifty steps of it."""

from __future__ import annotations

import math
import pathlib

from tfrobust import recipes
from tfrobust.experiments.paper_details import ALL_IMAGES
from tfrobust.experiments.paper_rows import PaperRows
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.records import ProbeRecord
from tfrobust.records import read_record


def probe_path(
    records_dir: pathlib.Path, work: PaperRows, row: str
) -> pathlib.Path:
    """Return where the probe of a row's training is kept."""
    seed = work.table.seeds(row, work.scale)[0]
    return records_dir / "probes" / f"{work.directory(row, seed).name}.json"


def read_probe(path: pathlib.Path) -> ProbeRecord:
    """Return a probe, or raise `ValueError` for a file that is none."""
    found = read_record(path)
    if not isinstance(found, ProbeRecord):
        raise ValueError(f"{path} is no probe; remove it to probe again.")
    return found


def inner_steps(config: TrainingConfig) -> int | None:
    """Return the steps of a training's inner maximisation, if it has one.

    A term with the weight beta = 0 of its points has none.
    """
    settings = config.settings
    return None if settings.get("beta") == 0 else settings.get("num_steps")


def training_minutes(found: ProbeRecord) -> float:
    """Return what a training takes."""
    return found.step_seconds * found.steps / 60


def attack_minutes(
    work: PaperRows, config: TrainingConfig, found: ProbeRecord
) -> float:
    """Return what AutoAttack takes if it breaks nothing that should stand.

    APGD-CE and APGD-T take 100 and 9 x 100 gradients, FAB-T 9 x 100 of two
    logits' difference, about a gradient and a half each, Square 5,000
    forward passes. Without an inner maximisation nothing should stand longer
    than APGD-CE takes, except at less than the data's usual radius.
    """
    setting = work.table.settings[work.scale]
    if "added" not in work.table.looks:
        return 0.0
    images = setting.added.get("num_examples") or ALL_IMAGES
    batches = math.ceil(images / 250)
    seconds = 100 * found.gradient_seconds
    near = setting.epsilon < recipes.data_defaults(config.data).epsilon
    if near or inner_steps(config) is not None:
        seconds += (900 + 1.5 * 900) * found.gradient_seconds
        seconds += 5000 * found.forward_seconds
    return batches * seconds / 60


def estimates(work: PaperRows, records_dir: pathlib.Path) -> dict[str, str]:
    """Return row -> " (estimate N h)", where its training was probed.

    A training whose weights are kept takes nothing more.
    """
    told = {}
    for row in work.table.models:
        path = probe_path(records_dir, work, row)
        if not path.is_file():
            continue
        found = read_probe(path)
        seeds = work.table.seeds(row, work.scale)
        config = work.training(row, seeds[0])
        left = [s for s in seeds if not _kept(records_dir, work, row, s)]
        minutes = len(left) * training_minutes(found)
        minutes += len(seeds) * attack_minutes(work, config, found)
        told[row] = f" (estimate {max(minutes / 60, 0.01):.2f} h)"
        if not minutes:
            told[row] = " (minutes, of a kept model)"
    return told


def _kept(
    records_dir: pathlib.Path, work: PaperRows, row: str, seed: int
) -> bool:
    """Say whether a training's weights are kept."""
    name = work.directory(row, seed).name
    return (records_dir / "models" / f"{name}.npz").is_file()
