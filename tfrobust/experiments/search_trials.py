"""A search's trials: each a training in a run directory of its own."""

from __future__ import annotations

import math
import pathlib
import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import cast

from tfrobust.callbacks import TrainingDiverged
from tfrobust.callbacks.checkpoints import LAST
from tfrobust.experiments import run_directory
from tfrobust.experiments.search_config import SearchConfig
from tfrobust.experiments.training import train
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_record import best_epoch
from tfrobust.records import read_record
from tfrobust.records import TrainingRecord
from tfrobust.records import TrialRecord
from tfrobust.tuning import best_score
from tfrobust.tuning import split_values

_REASON = "failed.txt"
_STATUS = {"COMPLETED": "completed", "FAILED": "failed", "INVALID": "failed"}


class Trials:
    """Trains trials; one that was killed goes on where it was.

    Args:
        config: of the search.
        directory: of the search; trial k is trained in `trials/k`.
        most: how many trials there are at most, if that is known.
        say: is told what is tried.
    """

    def __init__(
        self,
        config: SearchConfig,
        directory: pathlib.Path,
        most: int | None,
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._most = most
        self._directory = directory / "trials"
        self._say = say
        self._seconds: list[float] = []

    def __call__(self, number: str, values: Mapping[str, Any]) -> float:
        """Train a trial and return its score.

        Not a number, which keras-tuner takes for a failure, where settings
        can't be or a loss isn't finite; the reason is kept beside the run.
        """
        shown = ", ".join(
            f"{name} {value:.3g}"
            if isinstance(value, float)
            else f"{name} {value}"
            for name, value in values.items()
            if not name.startswith("tuner/")
        )
        self._say(f"Trial {number}{self._time_left(number)}: {shown}")
        start = time.monotonic()
        run = self.run_of(number)
        try:
            record = train(
                self._training(number, values),
                run,
                resume=(run / "config.json").is_file(),
                say=lambda line: None,
            )
        except (ValueError, TrainingDiverged) as error:
            self._say(f"Trial {number} failed: {error}")
            run.mkdir(parents=True, exist_ok=True)
            (run / _REASON).write_text(" ".join(str(error).split()) + "\n")
            return math.nan
        self._seconds.append(time.monotonic() - start)
        return best_score(record.history, self._config.clean_floor)

    def _time_left(self, number: str) -> str:
        """Return how many there are and how long they will take, if known."""
        most = self._most
        if most is None:
            return ""
        text = f" of {most}"
        if self._seconds:
            left = most - int(number)
            minutes = left * statistics.fmean(self._seconds) / 60
            text += f", about {minutes:.1f} min left"
        return text

    def run_of(self, number: str) -> pathlib.Path:
        """Return a trial's run directory."""
        return self._directory / number

    def _training(
        self, number: str, values: Mapping[str, Any]
    ) -> TrainingConfig:
        """Return what a trial trains.

        One that Hyperband promotes goes on with the earlier one's last
        model; the shorter a training, the fewer steps validation takes.
        """
        training, settings = split_values(values)
        changes = training | {"seed": self._seed(number, values)}
        epochs = values.get("tuner/epochs")
        if epochs is not None:
            share = epochs / self._config.epochs
            steps = max(1, round(share * self._config.validation_steps))
            changes |= {"epochs": epochs, "validation_steps": steps}
        earlier = values.get("tuner/trial_id")
        if earlier is not None:
            changes["begin_with"] = str(self.run_of(earlier) / LAST)
        return self._config.training(settings, **changes)

    def _seed(self, number: str, values: Mapping[str, Any]) -> int:
        """Return a trial's seed; one that was promoted keeps the first's."""
        earlier = values.get("tuner/trial_id")
        if earlier is None:
            return self._config.seed + int(number)
        return run_directory.read_config(self.run_of(earlier))["seed"]

    def prune(self, scores: Mapping[str, float | None]) -> None:
        """Remove the models of all trials but the best, and the failed.

        As many are kept as are finalists; records and logs all stay.

        Args:
            scores: of trials that ended, by number.
        """
        known = [n for n, score in scores.items() if score is not None]
        best = sorted(known, key=lambda n: (-(scores[n] or 0.0), n))
        kept = best[: self._config.finalists]
        for number in scores.keys() - set(kept):
            for model in self.run_of(number).glob("*.keras"):
                model.unlink()

    def record(self, trial: Any) -> TrialRecord:
        """Return what came of one of keras-tuner's trials."""
        values = dict(trial.hyperparameters.values)
        number = trial.trial_id
        status = _STATUS.get(str(trial.status), "unfinished")
        run = self.run_of(number)
        figures: dict[str, Any] = {
            "clean_accuracy": None,
            "robust_accuracy": None,
            "score": None,
        }
        if status == "completed":
            record = cast(TrainingRecord, read_record(run / "training.json"))
            figures = _figures(record, self._config.clean_floor)
        own = {k: v for k, v in values.items() if not k.startswith("tuner/")}
        return TrialRecord(
            number=number,
            status=status,
            values=own,
            seed=self._seed(number, values),
            epochs=values.get("tuner/epochs", self._config.epochs),
            message=_reason(run, trial) if status == "failed" else "",
            **figures,
        )


def _figures(record: TrainingRecord, clean_floor: float) -> dict[str, Any]:
    """Return the accuracies of the epoch with the best score, and that."""
    history = record.history
    row = best_epoch(history, clean_floor)
    if row is None:  # the nearest to what is asked for
        clean = history["val_accuracy"]
        row = clean.index(max(clean))
    return {
        "clean_accuracy": history["val_accuracy"][row],
        "robust_accuracy": history["val_robust_accuracy"][row],
        "score": best_score(history, clean_floor),
    }


def _reason(run: pathlib.Path, trial: Any) -> str:
    """Return why a trial failed: our reason, or the end of a traceback."""
    if (run / _REASON).is_file():
        return (run / _REASON).read_text().strip()
    lines = (trial.message or "").strip().splitlines()
    return lines[-1] if lines else ""
