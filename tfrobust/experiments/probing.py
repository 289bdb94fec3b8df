"""How long a training will take, told from its first steps."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from tfrobust import data as data_room
from tfrobust.experiments.bare_calls import bare_calls
from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.training import load_split_data
from tfrobust.experiments.training_config import TrainingConfig
from tfrobust.experiments.training_model import augmentation
from tfrobust.experiments.training_model import build_model
from tfrobust.experiments.training_model import image_batches
from tfrobust.records import ProbeRecord

NUM_STEPS = 50
_TRACED = 5  # the first steps compile
_ATTACKED = 250


def probe(config: TrainingConfig, *, num_steps: int = NUM_STEPS) -> ProbeRecord:
    """Take a training's first steps and throw them away.

    Args:
        config: of the training.
        num_steps: default 50; the first five compile and are not counted.
    """
    data = load_split_data(config, lambda _: None)
    steps = data_room.steps_per_epoch(len(data.train), config.batch_size)
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, data, steps)
    if model.input_transform is not None:
        model.input_transform.adapt(image_batches(data.train))
    batches = data_room.train_batches(
        data.train,
        config.batch_size,
        seed=config.seed,
        augmentation=augmentation(config, data.image_shape),
    )
    times = []
    for x, y in itertools.islice(batches, num_steps):
        start = time.perf_counter()
        model.train_on_batch(x, y)
        times.append(time.perf_counter() - start)
    test = data.test.first(_ATTACKED)
    calls = bare_calls(model.classifier, keras.optimizers.SGD())
    x, y = tf.constant(test.images()), tf.constant(test.y)
    return ProbeRecord(
        step_seconds=statistics.median(times[_TRACED:]),
        steps=config.epochs * steps,
        forward_seconds=_seconds(lambda: calls["forward"](x, y)),
        gradient_seconds=_seconds(lambda: calls["input_gradient"](x, y)),
        num_parameters=model.classifier.count_params(),
        provenance=provenance(config.seed),
    )


def _seconds(call: Callable[[], tf.Tensor], rounds: int = 5) -> float:
    """Return the median time of a call that is compiled already."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call().numpy()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
