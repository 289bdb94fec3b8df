"""The two toys against geometry done by hand."""

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust.analysis import toys
from tfrobust.records import files
from tfrobust.records.toys import ToyRecord

_MANIFOLDS = [toys.parabola(0.3), toys.sine_surface(0.4)]


def _vertical(x, y, *, num_steps, seed):
    """Return the flat boundary itself, 20 (last coordinate - 0.15)."""
    del y, num_steps, seed
    kernel = np.zeros((x.shape[1], 2))
    kernel[-1] = -10.0, 10.0
    return networks.linear(kernel, np.array([1.5, -1.5]))


@pytest.mark.parametrize("manifold", _MANIFOLDS)
def test_the_flat_boundary_separates_points_of_the_manifold(manifold):
    points = manifold.points(200, (0, 0))
    last = manifold.section(points.x[:, 0].astype("float64"))
    np.testing.assert_allclose(points.x[:, -1], last, atol=1e-6)
    above = points.x[:, -1] > manifold.threshold
    assert points.y.tolist() == above.astype(int).tolist()
    assert 0.2 < points.y.mean() < 0.8
    assert np.abs(points.x[:, :-1]).max() <= 1
    grid = manifold.section(np.linspace(-1, 1, 20001))
    assert np.ptp(grid) == pytest.approx(manifold.height, abs=1e-6)


@pytest.mark.parametrize("manifold", _MANIFOLDS)
def test_normals_are_across_finite_differences_of_the_manifold(manifold):
    points = manifold.points(50, (0, 0))
    first, step = points.x[:, 0].astype("float64"), 1e-5
    rise = manifold.section(first + step) - manifold.section(first - step)
    tangent = np.zeros_like(points.normals)
    tangent[:, 0], tangent[:, -1] = 2 * step, rise
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    across = (points.normals * tangent).sum(1)
    np.testing.assert_allclose(across, 0.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(points.normals, axis=1), 1.0)
    assert (points.normals[:, -1] > 0).all()


def test_a_direction_has_its_cosine_squared_in_the_tangent_space():
    angles = np.linspace(0.0, np.pi, 7)
    gradients = 1e-30 * np.stack([np.cos(angles), np.sin(angles)], 1)
    normals = np.tile([[0.0, 1.0]], (7, 1))
    found = toys.tangent_shares(gradients, normals)
    np.testing.assert_allclose(found, np.cos(angles) ** 2, atol=1e-12)
    zero = toys.tangent_shares(np.zeros((1, 2)), normals[:1])
    assert zero.tolist() == [0.0]


def test_shares_are_projections_on_a_basis_of_the_tangent_plane():
    rng = np.random.default_rng(0)
    points = toys.sine_surface(0.4).points(20, (0, 0))
    gradients = rng.normal(size=(20, 3))
    found = toys.tangent_shares(gradients, points.normals)
    for g, x, share in zip(gradients, points.x, found, strict=True):
        slope = 0.4 * np.pi * np.cos(2 * np.pi * x[0])
        plane = np.linalg.qr(np.array([[1, 0, slope], [0, 1, 0]]).T)[0]
        inside = sum((g @ plane[:, i]) ** 2 for i in range(2))
        assert share == pytest.approx(inside / (g @ g), rel=1e-5)


def test_the_flat_boundary_leaks_by_the_curves_slope(monkeypatch):
    monkeypatch.setattr(toys, "train_toy", _vertical)
    record = toys.leaking_toy(toys.parabola(0.3), num_examples=300)
    test = toys.parabola(0.3).points(300, (0, 1))
    # The gradient is vertical, so its share is the tangent's, squared.
    slope = 2 * 0.3 * test.x[:, 0].astype("float64")
    expected = slope**2 / (1 + slope**2)
    np.testing.assert_allclose(record.tangent_shares, expected, atol=1e-5)
    assert record.mean_tangent_share == pytest.approx(expected.mean())
    train = toys.parabola(0.3).points(300, (0, 0)).x
    first = np.linalg.eigh(np.cov(train.T.astype("float64")))[1][:, 1]
    assert record.principal_shares[0] == pytest.approx(first[1] ** 2, rel=1e-3)
    # z1 - z0 = 20 (x2 - 0.15), and dL = (p1 - y) times its slope.
    z = 20 * (test.x[:, 1] - 0.15)
    size = np.abs(1 / (1 + np.exp(-z)) - test.y) * 20
    assert record.mean_gradient_norm == pytest.approx(size.mean(), rel=1e-4)
    for row, height in enumerate(record.vertical):
        np.testing.assert_allclose(
            record.decision[row], 20 * (height - 0.15), atol=1e-4
        )
    flips = []
    for x, y, normal in zip(test.x, test.y, test.normals, strict=True):
        to = x[1] + (-0.3 if y else 0.3) * normal[1]
        flips.append((to > 0.15) != bool(y))
    assert record.accuracy == 1.0
    assert record.normal_flip_share == np.mean(flips) > 0.9


def test_only_points_that_are_right_can_flip(monkeypatch):
    # Everything is class 1, so half is wrong and nothing of the rest flips.
    def always(x, y, **settings):
        return networks.linear(np.zeros((x.shape[1], 2)), np.array([0.0, 1.0]))

    monkeypatch.setattr(toys, "train_toy", always)
    record = toys.leaking_toy(toys.sine_surface(), num_examples=50)
    test = toys.sine_surface().points(50, (0, 1))
    assert record.accuracy == test.y.mean()
    assert record.normal_flip_share == 0.0
    assert set(record.tangent_shares) == {0.0}


def test_noise_goes_along_the_normal_and_nowhere_else(monkeypatch):
    seen = []

    def kept(x, y, **settings):
        seen.append((x, settings))
        return _vertical(x, y, **settings)

    monkeypatch.setattr(toys, "train_toy", kept)
    record = toys.leaking_toy(
        toys.sine_surface(),
        normal_noise=0.2,
        num_examples=4000,
        num_steps=7,
        seed=3,
    )
    ((x, settings),) = seen
    assert settings == {"num_steps": 7, "seed": 3}
    clean = toys.sine_surface().points(4000, (3, 0))
    moved = x.astype("float64") - clean.x
    along = (moved * clean.normals).sum(1)
    np.testing.assert_allclose(moved, along[:, None] * clean.normals, atol=1e-6)
    # Of 4,000 draws: within four standard errors.
    assert along.std() == pytest.approx(0.2, abs=4 * 0.2 / np.sqrt(8000))
    assert along.mean() == pytest.approx(0.0, abs=4 * 0.2 / np.sqrt(4000))
    # The components are the manifold's, which knows of no noise.
    variance = np.linalg.eigvalsh(np.cov(clean.x.T.astype("float64")))[::-1]
    energy = np.cumsum(variance) / variance.sum()
    np.testing.assert_allclose(record.energy, energy, rtol=1e-5)


@pytest.mark.parametrize("manifold", [toys.parabola(), toys.sine_surface()])
def test_noise_along_the_normal_turns_the_gradient(manifold):
    # What the paper's fig. 2 draws: from (a) to (b).
    plain, noisy = (
        toys.leaking_toy(
            manifold, normal_noise=noise, num_examples=500, num_steps=1000
        )
        for noise in (0.0, 0.1)
    )
    assert plain.accuracy > 0.97 and noisy.accuracy > 0.95
    assert plain.mean_tangent_share < 0.2 < 0.5 < noisy.mean_tangent_share
    assert plain.normal_flip_share > 0.9 > 0.1 > noisy.normal_flip_share


def test_a_seed_says_everything_and_keras_own_is_left_alone():
    settings = {"num_examples": 60, "num_steps": 10}
    first = toys.leaking_toy(toys.parabola(), **settings)
    keras.utils.set_random_seed(5)
    before = np.random.uniform()
    keras.utils.set_random_seed(5)
    assert toys.leaking_toy(toys.parabola(), **settings) == first
    assert np.random.uniform() == before
    other = toys.leaking_toy(toys.parabola(), **settings, seed=1)
    assert other.points != first.points


def test_more_steps_lower_the_loss():
    points = toys.parabola().points(100, (0, 0))
    losses = []
    for count in (1, 300):
        network = toys.train_toy(points.x, points.y, num_steps=count, seed=0)
        assert network.optimizer.iterations == count
        z = np.diff(network(points.x).numpy(), axis=1)[:, 0]
        sign = np.where(points.y == 1, 1, -1)
        losses.append(np.log1p(np.exp(-sign * z)).mean())
    assert losses[1] < 0.5 * losses[0]


def test_a_toy_comes_back_from_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(toys, "train_toy", _vertical)
    record = toys.leaking_toy(toys.parabola(), provenance={"seed": 0})
    kinds = files._KINDS | {"ToyRecord": ToyRecord}
    monkeypatch.setattr(files, "_KINDS", kinds)
    files.write_record(record, tmp_path / "r.json")
    assert files.read_record(tmp_path / "r.json") == record


def test_a_flat_manifold_and_negative_noise_are_refused():
    with pytest.raises(ValueError, match="`height` must be positive"):
        toys.parabola(0.0)
    with pytest.raises(ValueError, match="`normal_noise` must be non-neg"):
        toys.leaking_toy(toys.parabola(), normal_noise=-0.1)
