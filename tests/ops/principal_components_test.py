"""Eigenpairs of a covariance: numpy's own, and close to them above."""

import tracemalloc

import numpy as np
import pytest

from tfrobust.ops import principal_components as pc


def _batches(x, size=None):
    size = size or len(x)
    return lambda: (x[i : i + size] for i in range(0, len(x), size))


def _spectrum(num_examples, num_features, power, seed=0):
    """Return rows whose component i has a variance near i^-power."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1.0, num_features + 1) ** (-power / 2)
    rotation, _ = np.linalg.qr(rng.normal(size=(num_features, num_features)))
    z = rng.normal(size=(num_examples, num_features))
    return 0.5 + (z * scale) @ rotation.T


@pytest.fixture
def small_chunks(monkeypatch):
    """Seven rows of six values at a time."""
    monkeypatch.setattr(pc, "_CHUNK_BYTES", 8 * 6 * 7)


def test_exact_eigenpairs_are_numpys(small_chunks):
    # eigh and the sums round at D eps; 1e-12 leaves a thousandfold.
    del small_chunks
    x = _spectrum(50, 6, power=1.0)
    found = pc.principal_components(_batches(x, 8), 6, 4)
    covariance = np.cov(x, rowvar=False, bias=True)
    expected = np.linalg.eigvalsh(covariance)[::-1]
    v = found.eigenvectors
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.eigenvalues, expected[:4], rtol=1e-12)
    np.testing.assert_allclose(covariance @ v, v * expected[:4], atol=1e-12)
    np.testing.assert_allclose(v.T @ v, np.eye(4), atol=1e-12)
    assert found.total_variance == pytest.approx(expected.sum(), rel=1e-12)
    assert found.num_examples == 50


@pytest.mark.parametrize(
    "find", [pc.covariance_eigenpairs, pc.randomized_eigenpairs]
)
@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_batches_of_any_size_give_the_same_bits(find, size, small_chunks):
    del small_chunks
    x = _spectrum(50, 6, power=1.0)
    whole, parts = (find(_batches(x, s), 6, 3) for s in (None, size))
    for name in ("mean", "eigenvalues", "eigenvectors", "total_variance"):
        np.testing.assert_array_equal(
            getattr(whole, name), getattr(parts, name)
        )


@pytest.mark.parametrize(
    "find", [pc.covariance_eigenpairs, pc.randomized_eigenpairs]
)
def test_a_mean_far_from_zero_does_not_cancel(find, small_chunks):
    # At 1e6 float64 keeps 1e-10, so variances of 1 keep nine digits; squares
    # of 1e12 would leave four.
    del small_chunks
    x = np.random.default_rng(0).normal(size=(60, 6)) + 1e6
    expected = np.linalg.eigvalsh(np.cov(x, rowvar=False, bias=True))[::-1]
    found = find(_batches(x), 6, 6)
    np.testing.assert_allclose(found.eigenvalues, expected, rtol=1e-7)
    assert found.total_variance == pytest.approx(expected.sum(), rel=1e-7)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_randomized_eigenvalues_are_within_a_percent(power):
    x = _spectrum(600, 400, power)
    exact = pc.covariance_eigenpairs(_batches(x), 400, 50)
    found = pc.randomized_eigenpairs(_batches(x, 64), 400, 50)
    np.testing.assert_allclose(found.eigenvalues, exact.eigenvalues, rtol=0.01)
    np.testing.assert_allclose(found.energy, exact.energy, rtol=0.01)
    np.testing.assert_allclose(found.mean, exact.mean, rtol=1e-12)
    gram = found.eigenvectors.T @ found.eigenvectors
    np.testing.assert_allclose(gram, np.eye(50), atol=1e-12)
    # A Ritz value never exceeds the eigenvalue of its rank.
    assert (found.eigenvalues <= exact.eigenvalues * (1 + 1e-12)).all()


def test_the_number_of_passes_is_one_plus_two_q():
    x, passes = _spectrum(50, 6, power=1.0), []

    def batches():
        passes.append(1)
        return [x]

    for find, expected in (
        (pc.covariance_eigenpairs, 1),
        (pc.randomized_eigenpairs, 5),
    ):
        passes.clear()
        find(batches, 6, 3)
        assert len(passes) == expected


def test_large_images_never_make_a_square_matrix():
    # Its 3.2 GB would show. 40 examples: their (40, 40) Gram matrix has the
    # eigenvalues, and the subspace holds the data, so they come out exact.
    size = 20_000
    x = np.random.default_rng(0).normal(size=(40, size))
    x *= np.linspace(1.0, 3.0, 40)[:, np.newaxis]
    tracemalloc.start()
    found = pc.principal_components(_batches(x, 16), size, 39)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * size**2 / 10
    centred = x - x.mean(0)
    expected = np.linalg.eigvalsh(centred @ centred.T / 40)[::-1][:39]
    np.testing.assert_allclose(found.eigenvalues, expected, rtol=1e-9)
    assert found.energy[-1] == pytest.approx(1.0, rel=1e-9)
    v = found.eigenvectors
    np.testing.assert_allclose(v.T @ v, np.eye(39), atol=1e-12)


@pytest.mark.parametrize(
    "find", [pc.covariance_eigenpairs, pc.randomized_eigenpairs]
)
@pytest.mark.parametrize("constant", [0, 10])
def test_too_low_a_rank_gives_zeros_and_orthonormal_vectors(find, constant):
    # Ten copies each of three points, rank 2 about the mean; of 12 values
    # 10 are the same in all images, as at the border of digits.
    x = np.tile(_spectrum(3, 12, power=1.0), (10, 1))
    x[:, 12 - constant :] = 0.0
    found = find(_batches(x), 12, 8)
    expected = np.linalg.eigvalsh(np.cov(x, rowvar=False, bias=True))[::-1]
    np.testing.assert_allclose(found.eigenvalues[:2], expected[:2], rtol=1e-9)
    np.testing.assert_allclose(found.eigenvalues[2:], 0, atol=1e-14)
    assert (found.eigenvalues >= 0).all()
    v = found.eigenvectors
    np.testing.assert_allclose(v.T @ v, np.eye(8), atol=1e-12)


def test_energy_rises_to_one():
    x = _spectrum(50, 6, power=1.0)
    energy = pc.covariance_eigenpairs(_batches(x), 6, 6).energy
    assert (np.diff(energy) > 0).all()
    assert energy[-1] == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    "find", [pc.covariance_eigenpairs, pc.randomized_eigenpairs]
)
def test_no_example_is_an_error(find):
    with pytest.raises(ValueError, match="at least . examples. Received: 0"):
        find(lambda: [], 6, 3)


def test_too_few_examples_for_the_randomized_svd():
    x = np.zeros((4, 6))
    with pytest.raises(ValueError, match="at least 5 examples. Received: 4"):
        pc.randomized_eigenpairs(_batches(x), 6, 5)


def test_equal_examples_are_an_error():
    x = np.full((5000, 3), 0.1)
    with pytest.raises(ValueError, match="must differ.*5000 equal ones"):
        pc.principal_components(_batches(x), 3, 2)


def test_data_that_end_after_one_pass_are_an_error():
    once = iter([_spectrum(20, 6, power=1.0)])
    with pytest.raises(ValueError, match="same examples.*20 examples, then 0"):
        pc.randomized_eigenpairs(lambda: once, 6, 3)
