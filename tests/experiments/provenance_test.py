"""What a training says of the machine that decides its last bits."""

import os
import sys

import pytest
import tensorflow as tf

from tfrobust.experiments.provenance import provenance
from tfrobust.experiments.provenance import training_provenance


def test_a_training_tells_its_threads_and_kernels(monkeypatch):
    configured = tf.config.threading.get_intra_op_parallelism_threads()
    if sys.platform != "linux" or configured:
        pytest.skip("TensorFlow doesn't take the cores of this process.")
    usable = sorted(os.sched_getaffinity(0))
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    told = {"threads": len(usable), "onednn": "default"}
    assert training_provenance(3) == provenance(3) | told
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    os.sched_setaffinity(0, usable[:1])
    try:
        told = {"threads": 1, "onednn": "1"}
        assert training_provenance(3) == provenance(3) | told
    finally:
        os.sched_setaffinity(0, usable)
