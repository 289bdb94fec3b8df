"""One device, two replicas and two workers train the same."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrobust import experiments
from tfrobust.experiments import devices

_ROOT = pathlib.Path(__file__).parents[2]
# Covariance, basis and noise are among what replicas must agree on.
_FLAGS = [
    # An odd batch: replicas have unlike shares.
    *("--dtype_policy=float64", "--epochs=1", "--batch_size=65"),
    *("--validation_examples=100", "--validation_steps=2"),
    *("--defense=sgr_fgsm", "--weight=0.1"),
    *("--num_components=20", "--num_noise_components=5"),
]


def _training(directory, *flags, tf_config=None):
    environment = dict(os.environ)
    if tf_config is not None:
        environment["TF_CONFIG"] = json.dumps(tf_config)
    return subprocess.Popen(
        [sys.executable, "-m", "tools.train", f"--output_dir={directory}"]
        + [*_FLAGS, *flags],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(process):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-2000:]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    directory = tmp_path_factory.mktemp("one") / "run"
    _ended(_training(directory))
    return keras.models.load_model(directory / "last.keras")


def _assert_same(one, directory):
    other = keras.models.load_model(directory / "last.keras")
    assert len(one.variables) == len(other.variables) > 15
    for a, b in zip(one.variables, other.variables, strict=True):
        # Sums of halves round otherwise than the sum of the whole.
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9, err_msg=a.path)


@pytest.mark.slow
def test_two_replicas_train_what_one_device_does(one, tmp_path):
    flags = ("--strategy=mirrored", "--num_devices=2")
    _ended(_training(tmp_path / "run", *flags))
    _assert_same(one, tmp_path / "run")


def test_two_workers_train_what_one_device_does(one, tmp_path):
    ports = [_free_port() for _ in range(2)]
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    workers = [
        _training(
            tmp_path / "run",
            "--strategy=multi_worker",
            tf_config={
                "cluster": cluster,
                "task": {"type": "worker", "index": index},
            },
        )
        for index in range(2)
    ]
    for worker in workers:
        _ended(worker)
    _assert_same(one, tmp_path / "run")


def _free_port():
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return listening.getsockname()[1]


def test_what_can_not_be_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="`num_devices` is of strategy"):
        experiments.TrainingConfig(num_devices=2)
    with pytest.raises(ValueError, match="Did you mean 'mirrored'"):
        experiments.TrainingConfig(strategy="miror")
    one = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}
    for text in ("", "[]", "{bad", json.dumps(one)):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(ValueError, match="needs TF_CONFIG.*Received"):
            devices.make_strategy("multi_worker")
    with pytest.raises(ValueError, match="There are 2 devices.*=5"):
        devices.make_strategy("mirrored", 5)
