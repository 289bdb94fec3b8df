"""AutoAttack's parts and nearest points on MNIST, against other libraries.

The figures are those of the reference AutoAttack and of Foolbox 3.3.4 on the
same model and images.
"""

import math

import keras
import numpy as np
import pytest

from tests.slow import mnist_runs
from tfrobust import attacks
from tfrobust import recipes
from tfrobust.threat_model import NormBall

pytestmark = pytest.mark.slow
_BALL = NormBall("inf", epsilon=0.3)


@pytest.fixture(scope="module")
def mnist():
    path = mnist_runs.SHARED / "models" / "mnist_at.keras"
    if not path.is_file():
        pytest.skip("the reference model is not here")
    model = keras.models.load_model(path)
    data = recipes.load_data("mnist", data_dir=mnist_runs.SHARED / "tfds")
    return model, data.test.images(slice(0, 500)), data.test.y[:500]


@pytest.mark.parametrize(
    "attack, expected, slack",
    [
        (attacks.APGD(_BALL), 187, 1),
        (attacks.Square(_BALL), 188, 2),
        (attacks.AutoAttack(_BALL), 187, 1),
    ],
    ids=lambda value: getattr(type(value), "__name__", None),
)
def test_as_many_of_200_stand(mnist, attack, expected, slack):
    model, x, y = mnist
    found = attack(model, x[:200], y[:200])
    assert found.clean_accuracy == 0.99
    assert abs(found.robust.sum() - expected) <= slack


@pytest.mark.parametrize(
    "attack, median, broken",
    [
        (attacks.DDN(NormBall(2, epsilon=math.inf)), 2.41, 1.0),
        (attacks.DeepFool(NormBall(2, epsilon=math.inf)), 5.22, 0.9),
    ],
    ids=lambda value: getattr(type(value), "__name__", None),
)
def test_nearest_points_are_as_near_as_foolboxs(mnist, attack, median, broken):
    found = attack(*mnist)
    right = found.clean_predictions == found.y
    success = right & ~found.robust
    assert success.sum() >= broken * right.sum()
    # Nearer is better, and much nearer would be too good to be true.
    norm = np.median(found.perturbation_norm[success])
    assert 0.95 * median <= norm <= 1.005 * median
