"""What people read of an object's settings."""

import json

import numpy as np
import pytest

from tfrobust.attacks import CorrelatedNoise
from tfrobust.attacks import PGD
from tfrobust.objectives import Margin
from tfrobust.objectives import Targeted
from tfrobust.serialization import describe
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.5)


@pytest.mark.parametrize(
    "of_numpy, plain",
    [
        (
            PGD(_BALL, step_size=np.float32(0.25), num_steps=np.int64(2)),
            PGD(_BALL, step_size=0.25, num_steps=2),
        ),
        (
            PGD(_BALL, objective=Margin(np.float32(0.5)), seed=np.int64(3)),
            PGD(_BALL, objective=Margin(0.5), seed=3),
        ),
        (
            CorrelatedNoise(_BALL, decay_length=np.float32(2.0)),
            CorrelatedNoise(_BALL, decay_length=2.0),
        ),
    ],
)
def test_numbers_of_numpy_are_numbers(of_numpy, plain):
    assert json.dumps(describe(of_numpy)) == json.dumps(describe(plain))


def test_a_function_is_called_by_its_name():
    def next_class(labels, logits):
        return (labels + 1) % logits.shape[1]

    told = describe(PGD(_BALL, objective=Targeted(targets=next_class)))
    assert told["objective"]["targets"]["name"].endswith("next_class")
    json.dumps(told)
