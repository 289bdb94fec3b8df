"""Models under each other's adversarial points: a table of each attack."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Sequence

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks import Attack
from tfrobust.experiments import run_directory
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import plain
from tfrobust.records import TransferRecord
from tfrobust.records import write_json
from tfrobust.records import write_record
from tfrobust.threat_model import NormBall


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """Everything a transfer matrix depends on, as plain JSON data.

    Args:
        models: paths of `.keras` files, at least two.
        data, data_dir, image_size: as in `EvaluationConfig`.
        num_examples: the first so many test images; default 1,000.
        attacks: names of attacks and suites.
        norm, epsilon, num_steps, seed, batch_size: as in
            `EvaluationConfig`.
    """

    models: Sequence[str]
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    num_examples: int = 1000
    attacks: Sequence[str] = ("fgsm", "pgd", "pgd_margin")
    norm: Norm = "inf"
    epsilon: float | None = None
    num_steps: int = 40
    seed: int = 0
    batch_size: int = 250

    def __post_init__(self) -> None:
        if len(set(self.models)) < 2 or len(set(self.models)) < len(
            self.models
        ):
            raise ValueError(
                "`models` must name at least two models, each once. "
                f"Received: models={','.join(self.models)}"
            )
        for name in ("num_examples", "num_steps", "batch_size"):
            check_integer(name, getattr(self, name), minimum=1)
        recipes.check_radius_is_given(self.norm, self.epsilon)
        if self.epsilon is not None:
            check_positive("epsilon", self.epsilon)
        attack_names(self.attacks, self.norm)
        NormBall(self.norm, epsilon=self.radius)

    @property
    def radius(self) -> float:
        """The radius asked for, or the data's usual one."""
        if self.epsilon is not None:
            return self.epsilon
        return recipes.data_defaults(self.data).epsilon

    def made_attacks(self) -> dict[str, Attack]:
        """Return name -> attack, as every model is attacked."""
        budget = recipes.Budget(num_steps=self.num_steps, seed=self.seed)
        ball = NormBall(self.norm, epsilon=self.radius)
        return recipes.make_attacks(self.attacks, ball, budget)


def transfer(
    config: TransferConfig,
    output_dir: str | pathlib.Path | None = None,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> TransferRecord:
    """Attack saved models with each other's points; print the tables.

    Args:
        config: everything the matrix depends on.
        output_dir: `transfer.json` goes here; `None` writes nothing.
        overwrite: replace the run that is there.
        say: is told what a person should know; default `print`.

    Raises:
        ValueError: for settings, models or data that can't be used.
    """
    if output_dir is None:
        return _transfer(config, say)
    directory = pathlib.Path(output_dir)
    with run_directory.claimed(directory, config, overwrite=overwrite):
        record = _transfer(config, say)
        run_directory.make_empty(directory, overwrite=overwrite)
        write_json(plain(config), directory / "config.json")
        write_record(record, directory / "transfer.json")
    return record


def _transfer(
    config: TransferConfig, say: Callable[[str], None]
) -> TransferRecord:
    models = {path: load_classifier(path) for path in config.models}
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    test = data.test.first(config.num_examples)
    attacks = config.made_attacks()
    crafted = {
        f"{name} on {source}": attack
        for name, attack in attacks.items()
        for source in models
    }
    with AttackProgress((crafted, len(test))) as bar:
        record = evaluation.transfer_matrix(
            models,
            test.images(),
            test.y,
            attacks,
            batch_size=config.batch_size,
            data=data.name,
            provenance={
                "configuration": plain(config),
                **provenance(config.seed),
            },
            progress=bar,
        )
    for name in attacks:
        say(f"{name}: accuracy in % of each column's model")
        say(reports.as_text(reports.transfer_rows(record, name)))
    return record
