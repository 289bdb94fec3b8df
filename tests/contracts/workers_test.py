"""Two processes on loopback train every defense as one device does.

One defense does so among the quick tests: tests/experiments/devices_test.py.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.contracts.defense_rows import every_defense
from tests.contracts.defense_rows import trained

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("float64")]
_ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def by_two_workers(tmp_path_factory):
    path = tmp_path_factory.mktemp("workers") / "weights.npz"
    ports = []
    for _ in range(2):
        with socket.socket() as listening:
            listening.bind(("localhost", 0))
            ports.append(listening.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    workers = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": cluster, "task": task})
        workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.contracts.worker", str(path)],
                cwd=_ROOT,
                env=os.environ | {"TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    for worker in workers:
        said, _ = worker.communicate(timeout=600)
        assert worker.returncode == 0, said[-1500:]
    with np.load(path) as kept:
        return dict(kept)


@every_defense
def test_two_workers_equal_one_device(name, by_two_workers):
    row = trained(name)
    count = sum(key.startswith(f"{name} ") for key in by_two_workers)
    assert count == len(row.state)
    # Counters, covariances and bases too.
    for index, value in enumerate(row.state):
        np.testing.assert_allclose(
            by_two_workers[f"{name} {index}"], value, rtol=0, atol=1e-9
        )
