"""Surfaces of linear models, whose values are known everywhere."""

import numpy as np
import pytest

from tests import networks
from tfrobust import analysis
from tfrobust.attacks import BIM
from tfrobust.threat_model import NormBall

_OF = {
    "model": "m",
    "model_digest": "0" * 64,
    "data": "",
    "example": 0,
    "provenance": {},
}


def _linear():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(5, 3))
    model = networks.linear(kernel, np.array([0.1, -0.2, 0.3]))
    x = rng.uniform(0.2, 0.8, 5).astype("float32")
    return model, kernel, x


def test_a_linear_models_surface_is_its_formula():
    model, kernel, x = _linear()
    u, v = analysis.random_axis((5,), 1), analysis.random_axis((5,), 2)
    record = analysis.input_surface(
        model,
        x,
        1,
        {"u": u, "v": v},
        reach=0.4,
        resolution=5,
        batch_size=7,
        **_OF,
    )
    assert record.coordinates == pytest.approx((-0.4, -0.2, 0.0, 0.2, 0.4))
    for a, i in enumerate(record.coordinates):
        for b, j in enumerate(record.coordinates):
            z = (x + i * u + j * v) @ kernel + [0.1, -0.2, 0.3]
            decision = z[1] - max(z[0], z[2])
            loss = np.log(np.exp(z - z[1]).sum())
            assert record.decision[a][b] == pytest.approx(decision, abs=1e-5)
            assert record.loss[a][b] == pytest.approx(loss, abs=1e-5)


def test_axes_point_where_their_names_say():
    model, kernel, x = _linear()
    z = x @ kernel + [0.1, -0.2, 0.3]
    y = int(z.argmax())
    p = np.exp(z) / np.exp(z).sum()
    towards = kernel @ p - kernel[:, y]
    np.testing.assert_array_equal(
        analysis.loss_axis(model, x, y), np.sign(towards)
    )
    least = int(z.argmin())
    away = kernel[:, least] - kernel @ p
    np.testing.assert_array_equal(
        analysis.least_likely_axis(model, x, y), np.sign(away)
    )


def test_an_attack_along_an_axis_walks_along_it():
    model, _, x = _linear()
    y = int(model(x[None]).numpy().argmax())
    attack = BIM(NormBall("inf", epsilon=0.1), num_steps=4)
    path = analysis.trajectory(model, x, y, attack)
    assert path.shape == (5, 5)
    u = analysis.loss_axis(model, x, y)
    record = analysis.input_surface(
        model,
        x,
        y,
        {"loss": u, "random": analysis.random_axis((5,), 3)},
        reach=0.1,
        resolution=3,
        paths={"bim": path},
        **_OF,
    )
    places = np.array(record.paths["bim"])
    np.testing.assert_allclose(places[:2], [[0, 0], [0.025, 0]], atol=1e-5)
    np.testing.assert_array_equal(path[0], x)


def test_axes_that_span_no_plane_are_refused():
    model, _, x = _linear()
    u = analysis.random_axis((5,), 1)
    run = {"reach": 0.1, **_OF}
    with pytest.raises(ValueError, match="one is a multiple of the other"):
        analysis.input_surface(model, x, 0, {"u": u, "v": -u}, **run)
    with pytest.raises(ValueError, match="two directions of shape"):
        analysis.input_surface(model, x, 0, {"u": u}, **run)
