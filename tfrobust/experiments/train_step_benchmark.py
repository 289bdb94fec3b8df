"""Seconds per training step of every defense, over its floor."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

from tfrobust import defenses
from tfrobust import layers
from tfrobust import recipes
from tfrobust import reports
from tfrobust.arguments import check_choice
from tfrobust.arguments import check_integer
from tfrobust.experiments import bare_calls
from tfrobust.experiments.benchmark_runs import record_run
from tfrobust.experiments.benchmark_runs import versions_line
from tfrobust.experiments.provenance import provenance
from tfrobust.records import BenchmarkRecord
from tfrobust.records import plain

EPSILON, WEIGHT = 0.3, 0.1
PLAIN = "plain Keras"
_K = "num_steps"
_STEP = {"weight_gradient": 1, "update": 1}
_DOUBLE = {"double_backpropagation": 1, "update": 1}
_ATTACKED = _STEP | {"input_gradient": _K}
_MIXED = _ATTACKED | {"weight_gradient": 2}

# What a step can't avoid: how often each bare call, num_steps where it says.
FLOORS: dict[str, dict[str, Any]] = {
    "standard": _STEP,
    "gradient_norm": _DOUBLE,
    "first_order_l1": _DOUBLE,
    "decision_jacobian": _DOUBLE,
    # With true labels the perturbations cost nothing; with predicted ones,
    # the recipes' default, a gradient.
    "sgr": _DOUBLE,
    "sgr_sign": _DOUBLE,
    "sgr_full": _DOUBLE,
    "sgr_fgsm": _DOUBLE | {"input_gradient": 1},
    "sgr_pgd": _DOUBLE | {"input_gradient": _K},
    "fgsm_training": _MIXED | {"input_gradient": 1},
    "fast_fgsm_training": _ATTACKED | {"input_gradient": 1},
    "adversarial_training": _ATTACKED,
    "mixed_pgd_training": _MIXED,
    "margin_training": _MIXED,
    # The clean prediction is fixed once before the ascent.
    "trades": _MIXED | {"forward": 1},
    "mart": _MIXED,
    "llr": {
        "input_gradient": "num_steps + 1",
        "double_backpropagation": 1,
        "weight_gradient": 1,
        "update": 1,
    },
    "lfr": {
        "second_order_gradient": _K,
        "double_backpropagation": 1,
        "weight_gradient": 1,
        "update": 1,
    },
    "mmc": _STEP,
    "mmc_at": _ATTACKED | {"forward": 1},
    "mat": _MIXED | {"forward": 1},
}


# Whole steps written by hand, which check the sums.
_BARE_STEPS: dict[str, Callable] = {
    "gradient_norm": lambda network, optimizer, num_steps: (
        bare_calls.bare_gradient_norm_step(network, optimizer)
    ),
    "adversarial_training": lambda network, optimizer, num_steps: (
        bare_calls.bare_adversarial_step(
            network, optimizer, epsilon=EPSILON, num_steps=num_steps
        )
    ),
}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """Everything a benchmark depends on, as plain JSON data.

    Args:
        defenses: names, keys of `FLOORS`; default all.
        suite: what is measured; "train_step".
        architecture: a network; default "small_cnn".
        image_shape: default MNIST's.
        batch_size: default 128.
        num_steps: K of inner ascents; default 10.
        rounds: how often everything is timed in turn; default 15.
        dtype_policy: Keras' policy; default "float32".
        seed: of weights and images.
    """

    defenses: Sequence[str] = tuple(FLOORS)
    _: dataclasses.KW_ONLY
    suite: str = "train_step"
    architecture: str = "small_cnn"
    image_shape: tuple[int, int, int] = (28, 28, 1)
    batch_size: int = 128
    num_steps: int = 10
    rounds: int = 15
    dtype_policy: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("suite", self.suite, ("train_step",))
        recipes.check_architecture(self.architecture)
        for name in ("batch_size", "num_steps", "rounds"):
            check_integer(name, getattr(self, name), minimum=1)
        for name in self.defenses:
            check_choice("defenses", name, tuple(FLOORS))


def benchmark(
    config: BenchmarkConfig,
    output_dir: str | pathlib.Path | None,
    *,
    overwrite: bool = False,
    page: str | pathlib.Path | None = None,
    say: Callable[[str], None] = print,
) -> BenchmarkRecord:
    """Measure; print tables and write `benchmark.json`.

    Args:
        config: everything the benchmark depends on.
        output_dir: the run directory; `None` writes nothing.
        overwrite: replace the run that is there.
        page: a Markdown file to write; default none.
        say: is told what a person should know; default `print`.
    """
    record = record_run(
        config, benchmark_train_step, output_dir, overwrite=overwrite
    )
    tables = (
        reports.bare_rows(record, PLAIN),
        reports.benchmark_rows(record, PLAIN),
    )
    for rows in tables:
        say(reports.as_text(rows))
        say("")
    if page is not None:
        pathlib.Path(page).write_text(benchmark_page(record))
    return record


def benchmark_page(record: BenchmarkRecord) -> str:
    """Return a record as a page."""
    of = record.configuration
    parts = [
        "# Seconds per training step",
        "Written by `python -m tools.benchmark --suite=train_step --page=...` "
        f"({versions_line(record)}).",
        f"{of['architecture']} on images of {tuple(of['image_shape'])}, batch "
        f"{of['batch_size']}, {of['dtype_policy']}, inner ascents of "
        f"{of['num_steps']} steps; medians of {of['rounds']} interleaved "
        "rounds, ratios of medians with 95 % bootstrap intervals. A floor is "
        "the sum of the bare compiled calls that a step can't avoid; whole "
        "steps written by hand stand below as a check of the sums.",
        "## Defenses",
        reports.as_markdown(reports.benchmark_rows(record, PLAIN)),
        "## Bare calls and steps",
        reports.as_markdown(reports.bare_rows(record, PLAIN)),
    ]
    return "\n\n".join(parts) + "\n"


def benchmark_train_step(config: BenchmarkConfig) -> BenchmarkRecord:
    """Time the step of each defense, plain Keras and the bare calls.

    All are called in turn, `rounds` times: what slows the machine slows them
    alike, and ratios are of medians of one run.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.dtype_policy)
    keras.utils.set_random_seed(config.seed)
    try:
        calls = _calls(config)
    finally:
        keras.config.set_dtype_policy(before)
    rng = np.random.default_rng(config.seed)
    x = rng.uniform(size=(config.batch_size, *config.image_shape))
    x = tf.constant(x, tf.float32)
    y = tf.constant(rng.integers(0, 10, config.batch_size))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    rounds = tqdm.tqdm(range(-2, config.rounds), unit="round", mininterval=2)
    for count in rounds:
        for name, call in calls.items():
            rounds.set_description(name, False)
            elapsed = _timed(call, x, y)
            if count >= 0:
                seconds[name].append(elapsed)
    return BenchmarkRecord(
        suite=config.suite,
        configuration=plain(config),
        seconds=seconds,
        floors={
            name: _resolved(FLOORS[name], config.num_steps)
            for name in config.defenses
        },
        provenance=provenance(config.seed),
    )


def _resolved(floor: dict[str, Any], num_steps: int) -> dict[str, int]:
    """Return how often each bare call is made."""
    counts = {"num_steps": num_steps, "num_steps + 1": num_steps + 1}
    return {name: counts.get(n, n) for name, n in floor.items()}


def _calls(config: BenchmarkConfig) -> dict[str, Callable]:
    """Return everything that is timed, by name."""

    def network() -> keras.Model:
        return recipes.make_architecture(
            config.architecture, config.image_shape, 10
        )

    needed = {call for name in config.defenses for call in FLOORS[name]}
    bare = bare_calls.bare_calls(network(), keras.optimizers.Adam())
    calls = {f"bare {name}": bare[name] for name in bare if name in needed}
    for name in _BARE_STEPS:
        if name in config.defenses:
            calls[f"bare {name} step"] = _BARE_STEPS[name](
                network(), keras.optimizers.Adam(), config.num_steps
            )
    plain_model = network()
    plain_model.compile("adam", recipes.make_loss("standard"))
    calls[PLAIN] = _step(plain_model, config.image_shape)
    for name in config.defenses:
        calls[name] = _step(
            _defense(name, network(), config), config.image_shape
        )
    return calls


def _defense(
    name: str, classifier: keras.Model, config: BenchmarkConfig
) -> keras.Model:
    """Return a compiled defense with settings of the usual size."""
    if name == "sgr_full":
        sigma = layers.FullCovariance(config.image_shape)
        model = defenses.SGR(classifier, weight=WEIGHT, covariance=sigma)
        model.compile("adam", recipes.make_loss("sgr"))
        return model
    takes = recipes.defense_settings(name)
    usual: dict[str, Any] = {
        "epsilon": EPSILON,
        "weight": WEIGHT,
        "num_steps": config.num_steps,
        "perturbation_label_source": "true",
    }
    settings = {k: v for k, v in usual.items() if k in takes}
    model = recipes.make_defense(name, classifier, **settings)
    model.compile("adam", recipes.make_loss(name))
    return model


def _step(model: keras.Model, shape: tuple[int, ...]) -> Callable:
    """Return a model's compiled train step."""
    # Optimizer and metrics make their variables outside the graph.
    model.optimizer.build(model.trainable_variables)
    run = tf.function(lambda x, y: model.train_step((x, y)), autograph=False)
    model.evaluate(np.zeros((2, *shape)), np.zeros(2, int), verbose=0)
    return run


def _timed(call: Callable, x: tf.Tensor, y: tf.Tensor) -> float:
    start = time.perf_counter()
    result = tf.nest.flatten(call(x, y))
    # On a CPU a result that can be read has been computed.
    _ = result[0].numpy()
    return time.perf_counter() - start
