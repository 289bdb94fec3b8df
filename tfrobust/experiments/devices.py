"""One device, several, or several machines."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable

import tensorflow as tf

from tfrobust.arguments import check_choice

STRATEGIES = ("mirrored", "multi_worker")


def check_strategy(name: str | None, num_devices: int | None) -> None:
    """Raise `ValueError` for a strategy or a number that can't be."""
    if name is not None:
        check_choice("strategy", name, STRATEGIES)
    if num_devices is not None and name != "mirrored":
        raise ValueError(
            '`num_devices` is of strategy "mirrored". '
            f"Received: strategy={name!r}, num_devices={num_devices}"
        )


def make_strategy(
    name: str | None, num_devices: int | None = None
) -> tf.distribute.Strategy:
    """Return a strategy by name.

    Args:
        name: "mirrored": every GPU of this machine, or its logical CPU
            devices; "multi_worker": the workers that TF_CONFIG names;
            `None`: one device.
        num_devices: how many of them; default all. Without a GPU the CPU is
            divided into so many, which is of use in tests alone.

    Raises:
        ValueError: for more devices than there are, or without TF_CONFIG.
    """
    check_strategy(name, num_devices)
    return _STRATEGIES[name](num_devices)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Say whether this process is the one that writes."""
    return getattr(strategy.cluster_resolver, "task_id", 0) in (None, 0)


def _one(num_devices: int | None) -> tf.distribute.Strategy:
    del num_devices
    return tf.distribute.get_strategy()


def _mirrored(num_devices: int | None) -> tf.distribute.Strategy:
    if num_devices and not tf.config.list_physical_devices("GPU"):
        _divide_cpu(num_devices)
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    names = [device.name for device in devices]
    if num_devices is not None and num_devices > len(names):
        raise ValueError(
            f"There are {len(names)} devices. "
            f"Received: num_devices={num_devices}"
        )
    return tf.distribute.MirroredStrategy(names[:num_devices])


def _divide_cpu(count: int) -> None:
    """Make logical devices of the CPU, if TensorFlow hasn't begun."""
    (cpu, *_) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    # If it has begun, whoever asks for too many is told.
    with contextlib.suppress(RuntimeError):
        tf.config.set_logical_device_configuration(cpu, parts)


def _multi_worker(num_devices: int | None) -> tf.distribute.Strategy:
    del num_devices
    _check_tf_config(os.environ.get("TF_CONFIG", ""))
    communication = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=communication.RING
        if not tf.config.list_physical_devices("GPU")
        else communication.AUTO
    )
    return tf.distribute.MultiWorkerMirroredStrategy(
        communication_options=options
    )


def _check_tf_config(text: str) -> None:
    """Raise `ValueError` unless it names workers and one of them."""
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        good = task["type"] == "worker" and 0 <= task["index"] < len(workers)
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise ValueError(
            'Strategy "multi_worker" needs TF_CONFIG, such as \'{"cluster": '
            '{"worker": ["host1:7000", "host2:7000"]}, "task": {"type": '
            f'"worker", "index": 0}}}}\'. Received: TF_CONFIG={text or None}'
        )


_STRATEGIES: dict[
    str | None, Callable[[int | None], tf.distribute.Strategy]
] = {None: _one, "mirrored": _mirrored, "multi_worker": _multi_worker}


def check_batches(
    num_examples: int, batch_size: int, strategy: tf.distribute.Strategy
) -> None:
    """Raise `ValueError` for a batch that leaves a replica without images."""
    replicas = strategy.num_replicas_in_sync
    last = num_examples % batch_size or batch_size
    if last < replicas:
        raise ValueError(
            f"The last of {num_examples} examples in batches of {batch_size} "
            f"would be {last} on {replicas} replicas; take another "
            f"batch_size. Received: batch_size={batch_size}"
        )
