"""Images per second of every attack, over the floor of what it computed."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tqdm

from tfrobust import attacks
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks import predict_logits
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import watched
from tfrobust.experiments import bare_calls
from tfrobust.experiments.benchmark_runs import record_run
from tfrobust.experiments.benchmark_runs import versions_line
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.peers import peer_calls
from tfrobust.experiments.provenance import provenance
from tfrobust.ops.norms import Norm
from tfrobust.recipes.attacks import attack_names
from tfrobust.records import BenchmarkRecord
from tfrobust.records import plain
from tfrobust.threat_model import NormBall

_Chunk = tuple[int, int, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class AttackBenchmarkConfig:
    """Everything a benchmark of attacks depends on, as plain JSON data.

    Args:
        model: path of a `.keras` file.
        attacks: names of attacks and suites.
        data: name of an image set.
        data_dir: where prepared sets are; default as `recipes.load_data`.
        num_examples: the first so many test images; default 250.
        epsilon: radius in input units, or "inf"; default the data's.
        norm: 1, 2 or "inf".
        batch_size: examples attacked at a time; default 250.
        rounds: how often everything is traced anew and timed in turn;
            default 5.
        seed: of starts and noise.
        peers: whether other libraries, where installed, do the same.
        bfloat16: whether each attack also runs in `attacks.InBfloat16`.
    """

    model: str
    attacks: Sequence[str] = ("pgd", "apgd_ce", "apgd_t", "fab_t", "square")
    _: dataclasses.KW_ONLY
    data: str = "digits"
    data_dir: str | None = None
    num_examples: int = 250
    epsilon: float | Literal["inf"] | None = None
    norm: Norm = "inf"
    batch_size: int = 250
    rounds: int = 5
    seed: int = 0
    peers: bool = False
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.epsilon == math.inf:  # which JSON does not know
            object.__setattr__(self, "epsilon", "inf")
        recipes.check_radius_is_given(self.norm, self.epsilon)
        attack_names(self.attacks, self.norm)
        for name in ("num_examples", "batch_size", "rounds"):
            check_integer(name, getattr(self, name), minimum=1)
        if self.epsilon not in (None, "inf"):
            check_positive("epsilon", self.epsilon)

    @property
    def ball(self) -> NormBall:
        """The threat model."""
        usual = recipes.data_defaults(self.data).epsilon
        epsilon = usual if self.epsilon is None else self.epsilon
        return NormBall(self.norm, epsilon=float(epsilon))


def benchmark_attacks(
    config: AttackBenchmarkConfig,
    output_dir: str | pathlib.Path | None,
    *,
    overwrite: bool = False,
    page: str | pathlib.Path | None = None,
    say: Callable[[str], None] = print,
) -> BenchmarkRecord:
    """Measure; print a table and write `benchmark.json`.

    The floor of an attack is the bare compiled forwards and gradients of
    the rows and steps that it took, and the forward passes before and
    after, timed in turn with it.

    Args:
        config: everything the benchmark depends on.
        output_dir: the run directory; `None` writes nothing.
        overwrite: replace the run that is there.
        page: a Markdown file to write; default none.
        say: is told what a person should know; default `print`.
    """
    record = record_run(config, _measure, output_dir, overwrite=overwrite)
    rows = reports.attack_benchmark_rows(record)
    say(reports.as_text(rows))
    if page is not None:
        pathlib.Path(page).write_text(_page(record, rows))
    return record


def _measure(config: AttackBenchmarkConfig) -> BenchmarkRecord:
    data = recipes.load_data(config.data, data_dir=config.data_dir)
    test = data.test.first(config.num_examples)
    budget = recipes.Budget(seed=config.seed)
    chosen = recipes.make_attacks(config.attacks, config.ball, budget)
    seconds: dict[str, list[float]] = {}
    rounds = tqdm.tqdm(range(config.rounds), unit="round", mininterval=2)
    for _ in rounds:
        # How fast a graph is, is drawn when it is traced, by a fifth up or
        # down: every round traces everything anew.
        made = _Made(config, chosen, test.images(), test.y, rounds)
        for name, call in made.calls.items():
            rounds.set_description(name, False)
            start = time.perf_counter()
            call()
            taken = time.perf_counter() - start
            seconds.setdefault(name, []).append(taken)
    return BenchmarkRecord(
        suite="attacks",
        configuration=plain(config),
        seconds=seconds,
        floors={name: {name: 1} for name in chosen},
        provenance=provenance(config.seed),
        robust_accuracy=made.robust,
        median_norm=made.norms,
    )


class _Made:
    """Calls to be timed, each called once already, and what they did."""

    def __init__(
        self,
        config: AttackBenchmarkConfig,
        chosen: Mapping[str, attacks.Attack],
        x: np.ndarray,
        y: np.ndarray,
        bar: tqdm.tqdm,
    ) -> None:
        self.calls: dict[str, Callable] = {}
        self.robust: dict[str, float] = {}
        self.norms: dict[str, float | None] = {}
        classifier = load_classifier(config.model)
        self._floor = _Floor(classifier, x, y)
        self._look = _Look(classifier, config.ball, x, y)
        for name, attack in chosen.items():
            bar.set_description(f"trace {name}", False)
            chunks: list[_Chunk] = []
            run = _attacking(attack, classifier, x, y, config.batch_size)
            with watched(lambda *chunk, to=chunks: to.append(chunk)):
                self._add(name, lambda run=run: run().x_adv)
            self._add_floor(f"bare {name}", chunks)
            if isinstance(attack, attacks.GradientAttack):
                whole = [(len(x), attack.num_steps, GRADIENT)]
                self._add_floor(f"bare all steps of {name}", whole)
            others = _others(config, attack, classifier, x, y)
            for label, call in others.items():
                self._add(f"{label} {name}", call)

    def _add(self, name: str, call: Callable) -> None:
        self.robust[name], self.norms[name] = self._look(call())
        self.calls[name] = call

    def _add_floor(self, name: str, chunks: Sequence[_Chunk]) -> None:
        self.calls[name] = self._floor.again(chunks)
        self.calls[name]()


def _others(
    config: AttackBenchmarkConfig,
    attack: attacks.Attack,
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
) -> dict[str, Callable]:
    """Return who else does the same, by name."""
    size = config.batch_size
    others: dict[str, Callable] = {}
    if config.bfloat16:
        half = _attacking(attacks.InBfloat16(attack), classifier, x, y, size)
        others["bfloat16"] = lambda: half().x_adv
    if config.peers:
        others |= peer_calls(attack, classifier, x, y, batch_size=size)
    return others


class _Look:
    """What points did, judged by one measure for all libraries."""

    def __init__(
        self,
        classifier: keras.Model,
        ball: NormBall,
        x: np.ndarray,
        y: np.ndarray,
    ) -> None:
        self._classifier, self._x, self._y = classifier, x, y
        self._ball = ball

    def __call__(self, x_adv: np.ndarray) -> tuple[float, float | None]:
        """Return robust accuracy, and the median norm of what broke.

        A point outside the ball breaks nothing.
        """
        ball, x = self._ball, tf.constant(self._x)
        points = tf.constant(x_adv)
        right = predict_logits(self._classifier, self._x).argmax(1) == self._y
        wrong = predict_logits(self._classifier, x_adv).argmax(1) != self._y
        wrong &= ball.contains(points, x, tolerance=1e-5).numpy()
        norms = ball.perturbation_norm(points, x).numpy()
        broken = norms[right & wrong]
        median = float(np.median(broken)) if broken.size else None
        return float(np.mean(right & ~wrong)), median


def _attacking(
    attack: attacks.Attack,
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
) -> Callable:
    return lambda: attack(classifier, x, y, batch_size=batch_size)


class _Floor:
    """Bare calls over the rows and steps that an attack took."""

    def __init__(
        self, classifier: keras.Model, x: np.ndarray, y: np.ndarray
    ) -> None:
        self._x, self._y = tf.constant(x), tf.constant(y)
        self._loops = bare_calls.bare_loops(classifier, self._x)

    def again(self, chunks: Sequence[_Chunk]) -> Callable:
        """Return a call that does what these chunks can't avoid."""

        def run() -> None:
            # The passes before and after: what was right, what is broken.
            done: Any = [self._run("forward", len(self._x), 2)]
            done += [
                self._run(name, rows, steps)
                for rows, steps, needs in chunks
                for name in needs
            ]
            _ = [d.numpy() for d in done]

        return run

    def _run(self, name: str, rows: int, steps: int) -> tf.Tensor:
        x, y = self._x[:rows], self._y[:rows]
        return self._loops[name](x, y, tf.constant(steps))


def _page(record: BenchmarkRecord, rows: list[list[str]]) -> str:
    """Return a record as a page."""
    of = record.configuration
    name = pathlib.Path(of["model"]).name
    parts = [
        "# Images per second of the attacks",
        "Written by `python -m tools.benchmark --suite=attacks --page=...` "
        f"({versions_line(record)}).",
        f"{name}, the first {of['num_examples']} test images of "
        f"{of['data']}, l{of['norm']}, epsilon {of['epsilon'] or 'usual'}, "
        f"batches of {of['batch_size']}; medians of {of['rounds']} "
        "interleaved rounds, each with graphs of its own, ratios of "
        "medians with 95 % bootstrap intervals. A floor is the bare compiled "
        "forwards and gradients of the rows and steps that the attack took; "
        "all steps, of all rows through every step of one run. Every point "
        "is judged alike: wrong class, in ball and box. Other libraries "
        "attack with the same budget; norms are medians over what broke an "
        "example.",
        reports.as_markdown(rows),
    ]
    return "\n\n".join(parts) + "\n"
