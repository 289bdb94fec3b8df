"""One evaluation: a model file and a suite -> record and table."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import tqdm

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks.working_set import watched
from tfrobust.data import ImageData
from tfrobust.experiments import run_directory
from tfrobust.experiments.models import load_attacked
from tfrobust.experiments.provenance import provenance
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Objective
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import EvaluationRecord
from tfrobust.records import plain
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Everything an evaluation depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file.
        data: name of an image set.
        data_dir: where prepared sets are; default as `recipes.load_data`.
        image_size: (height, width) to resize to; default as they are.
        split: "test" (default) or "train".
        num_examples: the first so many; default all.
        attacks: names of attacks and suites, in order.
        norm: 1, 2 or "inf".
        epsilon: radius in input units; default the data's.
        num_steps, num_restarts, step_size, last_iterate, seed: see
            `recipes.Budget`.
        batch_size: examples attacked at a time; default 250.
        masking_examples: on how many to look for masked gradients, in
            l-infinity; default 200, 0 for not at all.
    """

    model: str
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    split: str = "test"
    num_examples: int | None = None
    attacks: Sequence[str] = ("standard",)
    norm: Norm = "inf"
    epsilon: float | None = None
    num_steps: int = 40
    num_restarts: int = 1
    step_size: float | None = None
    last_iterate: bool = False
    seed: int = 0
    batch_size: int = 250
    masking_examples: int = 200

    def __post_init__(self) -> None:
        attack_names(self.attacks)
        check_choice("split", self.split, ("test", "train"))
        for name in ("num_examples", "epsilon", "step_size"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        for name in ("num_steps", "num_restarts", "batch_size"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("masking_examples", self.masking_examples, minimum=0)
        NormBall(self.norm, epsilon=self.radius)

    @property
    def radius(self) -> float:
        """The radius asked for, or the data's usual one."""
        if self.epsilon is not None:
            return self.epsilon
        return recipes.data_defaults(self.data).epsilon


def evaluate(
    config: EvaluationConfig,
    output_dir: str | pathlib.Path | None,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> EvaluationRecord:
    """Attack a saved model; write `evaluation.json` and print a table.

    Args:
        config: everything the evaluation depends on.
        output_dir: the run directory; `None` writes nothing.
        overwrite: replace the run that is there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, model or data that can't be used.
    """
    if output_dir is not None:
        directory = run_directory.check_free(output_dir, overwrite=overwrite)
        run_directory.check_replaceable(directory)
        _check_apart(directory, config.model)
    classifier, adaptive = load_attacked(config.model)
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    if data.description:
        say(f"Data {data.name}: {data.description}")
    record = evaluate_classifier(classifier, data, config, adaptive)
    say(
        f"{config.model} (weights sha256 {record.model_digest[:12]}), first "
        f"{record.num_examples} {config.split} images of {data.name}:"
    )
    say(reports.as_text(reports.attack_rows(record)))
    for line in reports.settings_lines(record):
        say(line)
    for line in reports.masking_lines(record):
        say(line)
    if output_dir is not None:
        run_directory.make_empty(directory)
        write_json(plain(config), directory / "config.json")
        write_record(record, directory / "evaluation.json")
    return record


def _check_apart(directory: pathlib.Path, model: str) -> None:
    """Raise `ValueError` if replacing the directory would remove the model."""
    if directory.resolve() in pathlib.Path(model).resolve().parents:
        raise ValueError(
            f"The output directory {directory} holds the model {model}; "
            "choose another."
        )


def evaluate_classifier(
    classifier: Any,
    data: ImageData,
    config: EvaluationConfig,
    adaptive_objective: Objective = CrossEntropy(),
) -> EvaluationRecord:
    """Return the record of a classifier under the configured attacks.

    Args:
        classifier: a Keras model from images to logits.
        data: images and labels.
        config: the attacks and what they may spend.
        adaptive_objective: what the attack "adaptive" climbs; where it is
            cross-entropy (default), a suite leaves the attack out, for its
            PGD is that.
    """
    examples = {"test": data.test, "train": data.train}[config.split]
    examples = examples.first(config.num_examples)
    budget = recipes.Budget(
        num_steps=config.num_steps,
        num_restarts=config.num_restarts,
        step_size=config.step_size,
        last_iterate=config.last_iterate,
        seed=config.seed,
        adaptive_objective=adaptive_objective,
    )
    ball = NormBall(config.norm, epsilon=config.radius)
    attacks = recipes.make_attacks(config.attacks, ball, budget)
    suspects = examples.first(config.masking_examples)
    looks = len(suspects) > 0 and ball.norm == "inf"
    total = len(examples) * len(attacks)
    if looks:
        total += len(suspects) * len(evaluation.MASKING_ATTACKS)
    bars = AttackProgress(total)
    with bars:
        record = evaluation.evaluate_robustness(
            classifier,
            examples.images(),
            examples.y,
            attacks,
            batch_size=config.batch_size,
            model=config.model,
            data=data.name,
            split=config.split,
            provenance={
                "configuration": plain(config),
                **provenance(config.seed),
            },
            progress=bars,
        )
        if not looks:
            return record
        masking = evaluation.masking_report(
            classifier,
            suspects.images(),
            suspects.y,
            ball,
            adaptive_objective=adaptive_objective,
            seed=config.seed,
            batch_size=config.batch_size,
            progress=bars,
        )
    return dataclasses.replace(record, masking=masking)


class AttackProgress:
    """One bar over all attacks, named after the one that runs.

    Args:
        total: examples of all attacks together.
        label: stands before the attack's name; default none.
    """

    def __init__(self, total: int, label: str = "") -> None:
        self._label = label
        self._total = total
        self._bar: tqdm.tqdm | None = None
        self._shown = 0.0

    def __enter__(self) -> AttackProgress:
        self._watching = watched(self._sign_of_life)
        self._watching.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._watching.__exit__(*error)
        if self._bar is not None:
            self._bar.close()

    def __call__(self, name: str, done: int) -> None:
        bar = self._opened()
        bar.set_description(f"{self._label} {name}".strip(), False)
        bar.update(done)

    def _sign_of_life(self, rows: int, steps: int) -> None:
        """Say how many a long attack still works on."""
        del steps
        bar, now = self._opened(), time.monotonic()
        bar.set_postfix_str(f"{rows} standing", refresh=False)
        if now - self._shown >= bar.mininterval:
            self._shown = now
            bar.refresh()

    def _opened(self) -> tqdm.tqdm:
        # Opened at the first sign of life: before, there may be an error.
        if self._bar is None:
            self._bar = tqdm.tqdm(
                total=self._total,
                unit="image",
                file=sys.stderr,
                mininterval=0.5 if sys.stderr.isatty() else 20.0,
                dynamic_ncols=True,
            )
        return self._bar
