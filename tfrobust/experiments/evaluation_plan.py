"""What an evaluation has to do, and its record when that is done."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import keras

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust.attacks import Attack
from tfrobust.attacks import InBfloat16
from tfrobust.data import ImageData
from tfrobust.data import Split
from tfrobust.evaluation import Outcomes
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.evaluation_config import EvaluationConfig
from tfrobust.experiments.outcome_checks import check_outcome
from tfrobust.experiments.shards import Shard
from tfrobust.objectives import Objective
from tfrobust.records import EvaluationRecord


@dataclasses.dataclass(frozen=True)
class EvaluationPlan:
    """Attacks on examples, and on the first of them the masking report's.

    Args:
        examples: that are attacked.
        attacks: name -> attack.
        suspects: among whom masked gradients are looked for; may be none.
        masking: name -> attack of the masking report.
        batch_size: examples attacked at a time.
    """

    examples: Split
    attacks: Mapping[str, Attack]
    suspects: Split
    masking: Mapping[str, Attack]
    batch_size: int

    def batches(self, examples: Split, shard: Shard) -> list[int]:
        """Return the batches of a shard."""
        count = evaluation.num_batches(len(examples), self.batch_size)
        return [batch for batch in range(count) if batch in shard]

    def keys(self) -> set[tuple[str, int]]:
        """Return all (attack, batch) whose outcomes make the record."""
        whole = Shard()
        examples = self.batches(self.examples, whole)
        suspects = self.batches(self.suspects, whole)
        names = (evaluation.CLEAN, *self.attacks)
        keys = {(name, batch) for name in names for batch in examples}
        names = (evaluation.CLEAN, evaluation.SIGNS, *self.masking)
        return keys | {(name, batch) for name in names for batch in suspects}

    def check_outcome(self, key: tuple[str, int], outcome: Any) -> None:
        """Raise `ValueError` for what can't be of a batch's examples.

        An outcome of no attack of this plan passes: it is not used.
        """
        name, batch = key
        if name in (evaluation.CLEAN, *self.attacks):
            examples = self.examples
        elif name in (evaluation.SIGNS, *self.masking):
            examples = self.suspects
        else:
            return
        check_outcome(name, outcome, self._count(examples, [batch]))

    def check(self, classifier: Any) -> None:
        """Raise `ValueError` if the classifier doesn't fit the examples."""
        data = self.examples.images(), self.examples.y
        evaluation.check_examples(classifier, *data)

    def fill(self, classifier: Any, outcomes: Outcomes, shard: Shard) -> None:
        """Put what is missing of a shard into `outcomes`."""
        examples = self.batches(self.examples, shard)
        suspects = self.batches(self.suspects, shard)
        planned = (
            (self.attacks, self._count(self.examples, examples)),
            (self.masking, self._count(self.suspects, suspects)),
        )
        with AttackProgress(*planned) as bar:
            run: dict[str, Any] = {
                "batch_size": self.batch_size,
                "progress": bar,
            }
            data = self.examples.images(), self.examples.y
            evaluation.attack_batches(
                classifier,
                *data,
                self.attacks,
                outcomes,
                batches=examples,
                **run,
            )
            if not suspects:
                return
            data = self.suspects.images(), self.suspects.y
            evaluation.attack_batches(
                classifier,
                *data,
                self.masking,
                outcomes,
                batches=suspects,
                **run,
            )
            evaluation.note_signs(
                classifier,
                *data,
                outcomes,
                batches=suspects,
                batch_size=self.batch_size,
            )

    def record(self, outcomes: Outcomes, **of: Any) -> EvaluationRecord:
        """Return the record of all outcomes; `of` are its other fields."""
        # A surrogate that is gone may have left outcomes, too.
        outcomes = {key: outcomes[key] for key in sorted(self.keys())}
        record = evaluation.evaluation_record(outcomes, self.attacks, **of)
        if not len(self.suspects):
            return record
        masking = evaluation.masking_checks(outcomes, self.suspects.y)
        return dataclasses.replace(record, masking=masking)

    def _count(self, examples: Split, batches: list[int]) -> int:
        size = self.batch_size
        return sum(min(size, len(examples) - b * size) for b in batches)


def make_plan(
    data: ImageData,
    config: EvaluationConfig,
    adaptive_objective: Objective | None,
    surrogates: Mapping[str, keras.Model] | None = None,
) -> EvaluationPlan:
    """Return what a configuration asks for.

    Args:
        data: images and labels.
        config: the attacks and what they may spend.
        adaptive_objective: what the attack "adaptive" climbs, `None` where
            it is unknown; there, and where it is cross-entropy, which its
            PGD climbs, a suite leaves the attack out.
        surrogates: name -> model whose adversarial points are tried.
    """
    splits = {
        "test": data.test,
        "train": data.train,
        "validation": data.validation,
    }
    examples = splits[config.split]
    if not len(examples):
        raise ValueError(
            f"`{data.name}` has no such part. Received: split={config.split}"
        )
    examples = examples.first(config.num_examples)
    budget = recipes.Budget(
        num_steps=config.num_steps,
        num_restarts=config.num_restarts,
        step_size=config.step_size,
        last_iterate=config.last_iterate,
        seed=config.seed,
        num_samples=config.num_samples,
        adaptive_objective=adaptive_objective,
    )
    ball = config.ball
    attacks = recipes.make_attacks(config.attacks, ball, budget)
    attacks |= recipes.make_transfers(surrogates or {}, ball, budget)
    if config.bfloat16:
        attacks = {name: InBfloat16(a) for name, a in attacks.items()}
    masking: dict[str, Attack] = {}
    bounded = ball.norm == "inf" and math.isfinite(ball.epsilon)
    if config.masking_examples and bounded:
        masking = evaluation.masking_attacks(
            ball,
            adaptive_objective=adaptive_objective,
            surrogates=surrogates,
            seed=config.seed,
        )
    return EvaluationPlan(
        examples=examples,
        attacks=attacks,
        suspects=examples.first(config.masking_examples if masking else 0),
        masking=masking,
        batch_size=config.batch_size,
    )
