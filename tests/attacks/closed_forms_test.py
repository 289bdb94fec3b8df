"""Bounded attacks on linear models gain exactly epsilon times a norm."""

import numpy as np
import pytest

from tests import networks
from tfrobust.attacks import BIM
from tfrobust.attacks import FGSM
from tfrobust.attacks import MIFGSM
from tfrobust.attacks import PGD
from tfrobust.objectives import Margin
from tfrobust.threat_model import NormBall

pytestmark = pytest.mark.usefixtures("float64")

_WEIGHTS = np.random.default_rng(0).normal(size=(6, 2))
_DIFFERENCE = _WEIGHTS[:, 1] - _WEIGHTS[:, 0]
_GAIN = {
    "inf": np.abs(_DIFFERENCE).sum(),
    2: np.sqrt((_DIFFERENCE**2).sum()),
    1: np.abs(_DIFFERENCE).max(),
}


def _margin(model, x, y):
    logits = np.asarray(model(x))
    rows = np.arange(len(y))
    return logits[rows, 1 - y] - logits[rows, y]


@pytest.mark.parametrize("order", ["inf", 2, 1])
@pytest.mark.parametrize("kind", [FGSM, BIM, PGD, MIFGSM])
def test_margin_gains_epsilon_times_the_dual_norm(kind, order):
    # Interior x: the box is out of reach. Two classes: the margin is
    # linear in x and its slope is +-(w_1 - w_0).
    model = networks.linear(_WEIGHTS)
    x, y = networks.labelled(model, 8, low=0.4, high=0.6)
    epsilon = 0.05
    # A step as long as the radius halves the angle to the optimum each time.
    attack = kind(
        NormBall(order, epsilon=epsilon),
        step_size=epsilon,
        objective=Margin(),
        keep_best=False,
    )
    result = attack(model, x, y)
    gain = _margin(model, result.x_adv, y) - _margin(model, x, y)
    np.testing.assert_allclose(gain, epsilon * _GAIN[order], rtol=1e-9)


def test_momentum_accumulates_normalised_gradients():
    # Two l2 steps on a quadratic-free model would not tell momentum from
    # none, so the memory itself is checked: g_t = decay g_{t-1} + g/|g|_1.
    import tensorflow as tf

    from tfrobust.attacks import Momentum

    rule = Momentum(0.5)
    ball = NormBall(2, epsilon=1.0)
    first, second = tf.constant([[3.0, 1.0]]), tf.constant([[0.0, -4.0]])
    _, memory = rule.direction(ball, first, rule.init(first))
    direction, memory = rule.direction(ball, second, memory)
    expected = 0.5 * np.array([0.75, 0.25]) + np.array([0.0, -1.0])
    np.testing.assert_allclose(memory[0], expected, rtol=1e-6)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(direction[0], expected, rtol=1e-6)
