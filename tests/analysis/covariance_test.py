"""Covariances against loops and closed forms; noise against both, and laws."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests import networks
from tfrobust import architectures
from tfrobust.analysis.correlated_noise import accuracy_under_noise
from tfrobust.analysis.covariance import by_pairs
from tfrobust.analysis.covariance import covariance_function
from tfrobust.analysis.covariance import decay_length
from tfrobust.analysis.covariance import perturbation_covariance
from tfrobust.analysis.covariance import radial_profile
from tfrobust.attacks import DDN
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.ops import random_fields
from tfrobust.ops import spectral
from tfrobust.ops.hashing import HashedNoise
from tfrobust.ops.sampling import BatchNoise
from tfrobust.threat_model import NormBall

_OF = {"model": "m", "model_digest": "0" * 64, "data": "d"}


def _linear_images(shape=(6, 5, 2), count=12, seed=0):
    """Return two linear classes, images far from the box, and w1 - w0.

    The boundary goes through the middle of the box.
    """
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    kernel = rng.normal(size=(size, 2))
    model = architectures.dense_network(shape, 2, widths=())
    model.set_weights([kernel, -0.5 * kernel.sum(0)])
    x = rng.uniform(0.3, 0.7, (count, *shape)).astype("float32")
    normal = (kernel[:, 1] - kernel[:, 0]).reshape(shape)
    return model, x, model(x).numpy().argmax(1), normal


def _loop(vectors):
    """Return K by a double loop over displacements."""
    count, height, width, channels = vectors.shape
    found = np.zeros((2 * height - 1, 2 * width - 1, channels, channels))
    for dy in range(1 - height, height):
        for dx in range(1 - width, width):
            top, left = max(0, dy), max(0, dx)
            rows, columns = height - abs(dy), width - abs(dx)
            at = vectors[:, top : top + rows, left : left + columns]
            top, left = top - dy, left - dx
            other = vectors[:, top : top + rows, left : left + columns]
            found[dy + height - 1, dx + width - 1] = np.einsum(
                "nyxc,nyxd->cd", at, other
            )
    return found / (count * height * width)


def _fields(shape, zeta, count):
    field = random_fields.exponential_field(shape, zeta)
    noise = BatchNoise(0, tf.constant(0), offset=0, total=count)
    x = tf.zeros((count, *shape), tf.float64)
    return field(x, noise).numpy()


def test_k_is_the_double_loop_over_displacements_in_any_batches():
    vectors = np.random.default_rng(0).normal(1.0, 2.0, (7, 4, 5, 2))
    expected = _loop(vectors)
    for batch_size in (3, 250):
        found = covariance_function(vectors, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-12)
    # At no displacement: the mean square of each channel.
    np.testing.assert_allclose(
        np.diagonal(found[3, 4]), np.square(vectors).mean((0, 1, 2))
    )


def test_the_profile_is_a_loop_and_the_same_for_both_orders_of_channels():
    kernel = _loop(np.random.default_rng(1).normal(size=(3, 5, 3, 2)))
    profile = radial_profile(kernel)
    rings = {}
    for a, b in np.ndindex(9, 5):
        distance = round(float(np.hypot(a - 4, b - 2)))
        rings.setdefault(distance, []).append(kernel[a, b])
    assert profile.shape == (2, 2, len(rings)) == (2, 2, 5)
    for distance, values in rings.items():
        np.testing.assert_allclose(profile[..., distance], np.mean(values, 0))
    # K_cd(s) = K_dc(-s), and -s is as far as s.
    np.testing.assert_allclose(profile[0, 1], profile[1, 0], atol=1e-12)


def test_a_function_of_whole_distances_is_its_own_profile():
    distance = np.hypot(np.arange(-4, 5)[:, None], np.arange(-6, 7)[None])
    kernel = np.cos(np.rint(distance))[:, :, None, None]
    found = radial_profile(kernel)[0, 0]
    np.testing.assert_allclose(found, np.cos(np.arange(len(found))))


@pytest.mark.parametrize("zeta", [1.0, 3.0, 7.0])
def test_whole_decay_lengths_come_out_exactly(zeta):
    profile = 2.5 * np.exp(-np.arange(12) / zeta)
    assert decay_length(profile) == pytest.approx(zeta, abs=1e-12)
    assert decay_length(-profile) == pytest.approx(zeta, abs=1e-12)


@pytest.mark.parametrize("zeta", [0.3, 1.4, 5.75])
def test_decay_lengths_between_pixels_are_on_the_chord(zeta):
    before = int(zeta)
    start, end, level = np.exp([-before / zeta, -(before + 1) / zeta, -1.0])
    expected = before + (start - level) / (start - end)
    found = decay_length(np.exp(-np.arange(12) / zeta))
    assert found == pytest.approx(expected)
    # A convex curve lies below its chord, which so comes down later.
    assert zeta <= found <= before + 1


def test_a_profile_that_never_falls_has_no_decay_length():
    assert decay_length(np.exp(-np.arange(5) / 5.0)) is None
    assert decay_length([0.0, 1.0, 0.0]) is None
    # The first fall counts, not the last.
    assert decay_length([1.0, 0.0, 1.0, 0.0]) == pytest.approx(1 - np.exp(-1))


@pytest.mark.parametrize("zeta", [1.0, 3.0])
def test_the_decay_length_of_filtered_noise_is_recovered(zeta):
    shape = (16, 14, 1)
    kernel = covariance_function(_fields(shape, zeta, 3000))
    exact = spectral.exponential_kernel(shape, zeta)
    # With the rings' rounding, which is all that is left beside the noise.
    expected = decay_length(radial_profile(exact)[0, 0])
    found = decay_length(radial_profile(by_pairs(kernel))[0, 0])
    assert found == pytest.approx(expected, rel=0.02)
    assert found == pytest.approx(zeta, rel=0.15)
    # Division by all pixels tapers, and the decay comes out shorter.
    rows = 1 - np.abs(np.arange(-15, 16)) / 16
    columns = 1 - np.abs(np.arange(-13, 14)) / 14
    tapered = exact * np.outer(rows, columns)[:, :, None, None]
    expected = decay_length(radial_profile(tapered)[0, 0])
    short = decay_length(radial_profile(kernel)[0, 0])
    assert short == pytest.approx(expected, rel=0.02)
    assert short < found


def test_by_pairs_undoes_the_taper_of_equal_pixels():
    kernel = covariance_function(np.full((2, 5, 3, 1), 0.5))
    assert kernel[0, 0, 0, 0] == pytest.approx(0.25 / 15)
    np.testing.assert_allclose(by_pairs(kernel), 0.25)


def test_fgsm_on_a_linear_model_has_the_covariance_of_its_signs():
    model, x, y, normal = _linear_images()
    wrong = y.copy()
    wrong[:5] = 1 - wrong[:5]
    attack = FGSM(NormBall("inf", epsilon=0.1))
    record = perturbation_covariance(model, x, wrong, {"fgsm": attack}, **_OF)
    # Every perturbation is +-0.1 sign(w1 - w0), whatever the class.
    signs = np.sign(normal)
    expected = _loop(signs[None])
    assert record.counts == {"fgsm": 7, "images": 12}
    assert record.scale["fgsm"] == pytest.approx(0.01, rel=1e-5)
    function = np.array(record.function["fgsm"])
    np.testing.assert_allclose(
        function, expected.transpose(2, 3, 0, 1), atol=2e-6
    )
    np.testing.assert_allclose(
        record.profile["fgsm"], radial_profile(expected), atol=1e-5
    )
    decays = record.decay_length["fgsm"]
    for c, d in np.ndindex(2, 2):
        assert decays[c][d] == pytest.approx(
            decay_length(radial_profile(expected)[c, d]), abs=1e-3
        )
        assert record.pair_decay_length["fgsm"][c][d] == pytest.approx(
            decay_length(radial_profile(by_pairs(expected))[c, d]), abs=1e-3
        )
    np.testing.assert_allclose(
        record.matrix["fgsm"], np.outer(signs, signs), atol=2e-6
    )
    assert record.settings["fgsm"]["threat_model"]["epsilon"] == 0.1
    assert (record.model, record.data, record.num_examples) == ("m", "d", 12)


def test_images_are_centred_and_perturbations_are_not():
    shape = (4, 4, 1)
    model, x, y, _ = _linear_images(shape, 30)
    attack = DDN(NormBall(2, epsilon=np.inf), num_steps=15)
    record = perturbation_covariance(model, x, y, {"ddn": attack}, **_OF)
    flat = x.reshape(30, -1).astype("float64")
    covariance = np.cov(flat.T, bias=True)
    scale = np.trace(covariance) / 16
    assert record.scale["images"] == pytest.approx(scale)
    np.testing.assert_allclose(
        record.matrix["images"], covariance / scale, atol=2e-6
    )
    delta = attack(model, x, y).x_adv.reshape(30, -1).astype("float64") - flat
    moment = np.einsum("ni,nj->ij", delta, delta) / 30
    scale = np.mean(delta**2)
    assert record.scale["ddn"] == pytest.approx(scale)
    np.testing.assert_allclose(record.matrix["ddn"], moment / scale, atol=2e-6)
    # The matrix' entries of one displacement add up to K's.
    for name in ("ddn", "images"):
        matrix = np.array(record.matrix[name]).reshape(4, 4, 4, 4)
        total = np.zeros((7, 7))
        for a, b, c, d in np.ndindex(4, 4, 4, 4):
            total[a - c + 3, b - d + 3] += matrix[a, b, c, d] / 16
        function = np.array(record.function[name])[0, 0]
        np.testing.assert_allclose(function, total, atol=1e-5)
        assert function[3, 3] == 1.0


def test_an_attack_that_leaves_nothing_alone_counts_every_image():
    model, x, y, _ = _linear_images()
    y[:5] = 1 - y[:5]
    ball = NormBall("inf", epsilon=0.1)
    attacks = {
        "best": PGD(ball, num_steps=2),
        "last": PGD(ball, num_steps=2, keep_best=False),
    }
    record = perturbation_covariance(model, x, y, attacks, **_OF)
    assert record.counts == {"best": 7, "last": 12, "images": 12}


def test_an_attack_without_perturbations_has_no_covariance():
    model, x, y, _ = _linear_images()
    seen = []
    for epsilon, labels in ((0.0, y), (0.1, 1 - y)):
        attack = FGSM(NormBall("inf", epsilon=epsilon))
        record = perturbation_covariance(
            model,
            x,
            labels,
            {"a": attack},
            batch_size=5,
            progress=lambda *at: seen.append(at),
            **_OF,
        )
        assert record.counts["a"] == record.scale["a"] == 0
        assert not np.any(record.function["a"])
        assert not np.any(record.matrix["a"])
        assert record.decay_length["a"] == ((None, None), (None, None))
        json.dumps(dataclasses.asdict(record), allow_nan=False)
    assert seen == 2 * [("a", 5), ("a", 5), ("a", 2)]


def test_channels_that_do_not_correlate_have_no_decay_length():
    shape = (6, 4, 2)
    model, x, _, _ = _linear_images(shape)
    # Signs: all alike, and a chessboard of as many of each.
    signs = np.ones(shape)
    signs[:, :, 1] = (-1.0) ** np.add.outer(np.arange(6), np.arange(4))
    kernel = np.stack([-signs.ravel(), signs.ravel()], 1)
    model.set_weights([kernel, np.zeros(2)])
    y = model(x).numpy().argmax(1)
    attack = FGSM(NormBall("inf", epsilon=0.1))
    record = perturbation_covariance(model, x, y, {"fgsm": attack}, **_OF)
    decays = record.decay_length["fgsm"]
    assert decays[0][1] is decays[1][0] is None
    # A chessboard turns within a pixel; what is alike has its taper alone.
    assert decays[1][1] < 1 < decays[0][0]
    assert record.pair_decay_length["fgsm"][0][0] is None


def test_a_still_channel_has_no_decay_length():
    model, x, y, _ = _linear_images()
    kernel = model.get_weights()[0].reshape(6, 5, 2, 2)
    kernel[:, :, 1] = 0.0
    model.set_weights([kernel.reshape(60, 2), np.zeros(2)])
    y = model(x).numpy().argmax(1)
    attack = PGD(NormBall(2, epsilon=0.5), num_steps=2, random_start=None)
    record = perturbation_covariance(model, x, y, {"pgd": attack}, **_OF)
    decays = record.decay_length["pgd"]
    assert decays[0][0] > 0 and decays[0][1] is decays[1][1] is None
    # The mean over both channels is 1, and one of them has none.
    assert record.profile["pgd"][0][0][0] == pytest.approx(2.0)


def test_a_matrix_stands_in_the_record_up_to_64_entries():
    for shape, kept in (((8, 8, 1), True), ((13, 5, 1), False)):
        model, x, y, _ = _linear_images(shape, 4)
        record = perturbation_covariance(model, x, y, {}, **_OF)
        assert (record.matrix is not None) == kept


def test_flat_inputs_and_an_attack_called_images_are_refused():
    model = networks.tiny_dense(5)
    x, y = networks.batch(model, 4)
    with pytest.raises(ValueError, match=r"needs images of .*shape=\(5,\)"):
        perturbation_covariance(model, x, y, {})
    with pytest.raises(ValueError, match=r"needs images of .*shape=\(5,\)"):
        accuracy_under_noise(model, x, y, epsilons=[0.1], decay_lengths=[1.0])
    model, x, y, _ = _linear_images()
    attack = FGSM(NormBall("inf", epsilon=0.1))
    with pytest.raises(ValueError, match="called 'images'.*a, images"):
        perturbation_covariance(model, x, y, {"a": attack, "images": attack})


def test_noise_of_radius_zero_leaves_the_clean_accuracy():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 20)
    y[:7] = (y[:7] + 1) % 3
    record = accuracy_under_noise(
        model, x, y, epsilons=[0.0, 3.0], decay_lengths=[0.5, 2.0], **_OF
    )
    assert record.clean_accuracy == 13 / 20
    assert [row[0] for row in record.accuracy] == [13 / 20] * 2
    assert all(row[1] < 13 / 20 for row in record.accuracy)


@pytest.mark.parametrize("norm", [2, "inf"])
def test_accuracy_is_that_of_a_loop_over_the_draws(norm):
    model, x, y, normal = _linear_images(count=40)
    epsilons, zetas = (0.04, 0.5), (0.2, 3.0)
    done = []
    record = accuracy_under_noise(
        model,
        x,
        y,
        epsilons=epsilons,
        decay_lengths=zetas,
        norm=norm,
        num_draws=3,
        seed=5,
        batch_size=16,
        progress=done.append,
        **_OF,
    )
    assert sum(done) == 40 * 2 * 2
    for zeta, row in zip(zetas, record.accuracy, strict=True):
        field_of = random_fields.exponential_field(x.shape[1:], zeta)
        draws = [HashedNoise(5, tf.range(40), draw) for draw in range(3)]
        fields = [field_of(tf.constant(x), draw) for draw in draws]
        for epsilon, accuracy in zip(epsilons, row, strict=True):
            right = np.ones(40, bool)
            for field in fields:
                flat = field.numpy().reshape(40, -1)
                order = np.inf if norm == "inf" else 2
                size = np.linalg.norm(flat, order, axis=1, keepdims=True)
                moved = x + (epsilon * flat / size).reshape(x.shape)
                moved = np.clip(moved, 0, 1).reshape(40, -1)
                right &= ((moved - 0.5) @ normal.ravel() > 0) == (y == 1)
            assert accuracy == pytest.approx(right.mean())
        assert row[0] > row[1]
    assert (record.norm, record.num_draws, record.seed) == (norm, 3, 5)


def test_white_noise_breaks_a_linear_model_as_often_as_the_beta_law_says():
    # A direction's component t in D = 60 has (1 + t) / 2 ~ Beta(29.5, 29.5).
    model, x, _, normal = _linear_images()
    unit = normal / np.linalg.norm(normal)
    image = 0.5 + 0.1 * unit  # at distance 0.1
    x = np.repeat(image[None], 800, 0).astype("float32")
    y = np.ones(800, int)
    record = accuracy_under_noise(
        model, x, y, epsilons=[0.4, 0.8], decay_lengths=[0.01], num_draws=2
    )
    for epsilon, accuracy in zip(
        record.epsilons, record.accuracy[0], strict=True
    ):
        once = stats.beta(29.5, 29.5).cdf((1 + 0.1 / epsilon) / 2)
        spread = np.sqrt(once**2 * (1 - once**2) / 800)
        assert abs(accuracy - once**2) < 4 * spread


def test_what_is_never_better():
    # A half-space is convex: along a ray from inside no way leads back in;
    # and no ray of 0.3 gets to the box.
    model, x, y, _ = _linear_images(count=60)
    grid = {"epsilons": [0.0, 0.1, 0.2, 0.3], "decay_lengths": [0.5, 4.0]}
    one, five = (
        np.array(
            accuracy_under_noise(model, x, y, num_draws=n, **grid).accuracy
        )
        for n in (1, 5)
    )
    assert (np.diff(one, axis=1) <= 0).all()
    # Of five draws the first is the one.
    assert (five <= one).all() and (five[:, -1] < one[:, -1]).all()


def test_a_grid_is_looked_at_before_the_model_is(monkeypatch):
    monkeypatch.setattr(random_fields, "_DENSE", 0)
    model, x, y, _ = _linear_images()
    done = []
    run = {"progress": done.append}
    with pytest.raises(ValueError, match="too long.*decay_length=100"):
        accuracy_under_noise(
            model, x, y, epsilons=[0.1], decay_lengths=[1.0, 100.0], **run
        )
    with pytest.raises(ValueError, match="`decay_length` must be positive"):
        accuracy_under_noise(
            model, x, y, epsilons=[0.1], decay_lengths=[1.0, 0.0], **run
        )
    with pytest.raises(ValueError, match="not be empty.*0 and 1 numbers"):
        accuracy_under_noise(
            model, x, y, epsilons=[], decay_lengths=[1.0], **run
        )
    assert not done
