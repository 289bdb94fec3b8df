"""A planted signal in models whose answer is known."""

import numpy as np
import pytest

from tests import networks
from tfrobust.analysis.poisoning import feature_poisoning
from tfrobust.analysis.poisoning import follow_share
from tfrobust.analysis.poisoning import Signal
from tfrobust.ops.principal_components import principal_components
from tfrobust.records import files
from tfrobust.records.toys import PoisoningRecord


def _images(count, classes=2, seed=0):
    """Return images whose classes differ in the first pixels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, count)
    x = rng.uniform(0.3, 0.5, (count, 6)) * [1, 1, 1, 1, 0.5, 0.1]
    x[np.arange(count), y] += 0.15
    return x.astype("float32"), y


def _components(x):
    return principal_components(lambda: [x], 6, 6)


def _means(x, y, classes):
    return np.stack([x[y == c].mean(0) for c in range(classes)])


def _nearest_mean(x, y, classes=2):
    """Return ||x - mean_c||^2 as a linear model: a fit in closed form."""
    means = _means(x.astype("float64"), y, classes)
    return networks.linear(means.T, -np.square(means).sum(1) / 2)


def test_a_signal_is_evenly_spaced_levels_along_its_direction():
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(2, 3, 1))
    x = rng.uniform(size=(4, 2, 3, 1)).astype("float32")
    y = np.array([0, 1, 2, 3])
    found = Signal(direction, 4).added(x, y, 0.3)
    assert found.dtype == np.float32
    for image, moved, level in zip(
        x, found, (-1, -1 / 3, 1 / 3, 1), strict=True
    ):
        np.testing.assert_allclose(
            moved, image + 0.3 * level * direction, atol=1e-6
        )


def test_a_linear_model_follows_where_the_signal_outweighs_the_image():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 2))
    model = networks.linear(kernel)
    x, y = _images(100)
    v = np.linalg.qr(rng.normal(size=(6, 6)))[0][:, 0]
    w = kernel[:, 1] - kernel[:, 0]
    for amplitude in (0.1, 0.5, 3.0):
        followed = 0
        for image, label in zip(x, y, strict=True):
            other = 1 - label
            z = image @ w + amplitude * (2 * other - 1) * (v @ w)
            followed += (z > 0) == (other == 1)
        found = follow_share(model, x, y, Signal(v, 2), amplitude)
        assert found == followed / 100


def test_nearest_means_take_the_signal_up_in_closed_form():
    # Poisoned means are +-a v further apart, exactly.
    x, y = _images(200)
    x_test, y_test = _images(80, seed=1)
    components = _components(x)
    amplitudes = (0.02, 0.1, 0.4)
    record = feature_poisoning(
        _nearest_mean,
        (x, y),
        (x_test, y_test),
        components,
        component=6,
        amplitudes=amplitudes,
    )
    v = components.eigenvectors[:, 5]
    means = _means(x.astype("float64"), y, 2)
    # The images' own deviation is that along v.
    deviation = ((x - x.mean(0)).astype("float64") @ v).std()
    assert record.standard_deviation == pytest.approx(deviation, rel=1e-3)

    def outcome(amplitude, images, labels):
        shifted = means + amplitude * np.array([[-1], [1]]) * v
        distances = [np.square(images - m).sum(1) for m in shifted]
        return float(np.mean(np.argmin(distances, axis=0) == labels))

    def share(amplitude):
        w = means[1] - means[0] + 2 * amplitude * v
        return (w @ v) ** 2 / (w @ w)

    def shown(labels, amplitude):
        return x_test + amplitude * np.where(labels == 1, 1, -1)[:, None] * v

    assert record.clean_accuracy == outcome(0.0, x_test, y_test)
    assert record.clean_gradient_share == pytest.approx(share(0.0), rel=1e-3)
    other = 1 - y_test
    for k, a in enumerate(amplitudes):
        assert record.gradient_shares[k] == pytest.approx(share(a), rel=1e-3)
        assert record.accuracy[k] == outcome(a, x_test, y_test)
        assert record.own_accuracy[k] == outcome(a, shown(y_test, a), y_test)
        assert record.follow_shares[k] == outcome(a, shown(other, a), other)
        assert record.clean_follow_shares[k] == outcome(
            0.0, shown(other, a), other
        )
    # v has next to no variance, so a small signal is all it takes.
    assert record.follow_shares[-1] > 0.9 > record.clean_follow_shares[-1]


def test_of_many_classes_every_other_one_is_tried():
    x, y = _images(150, classes=3)
    x_test, y_test = _images(40, classes=3, seed=1)
    components = _components(x)

    def fit(x, y):
        return _nearest_mean(x, y, 3)

    record = feature_poisoning(
        fit,
        (x, y),
        (x_test, y_test),
        components,
        component=5,
        amplitudes=[0.2],
    )
    v = components.eigenvectors[:, 4]
    means = _means(x.astype("float64"), y, 3)
    means += 0.2 * np.array([[-1], [0], [1]]) * v
    followed = []
    for image, label in zip(x_test, y_test, strict=True):
        for other in {0, 1, 2} - {label}:
            point = image + 0.2 * (other - 1) * v
            nearest = np.square(means - point).sum(1).argmin()
            followed.append(nearest == other)
    assert record.follow_shares[0] == pytest.approx(np.mean(followed))
    assert 0.0 < record.follow_shares[0] < 1.0


def test_fit_sees_the_images_without_and_then_with_the_signal(
    tmp_path, monkeypatch
):
    x, y = _images(60)
    components = _components(x)
    seen, done = [], []

    def fit(images, labels):
        seen.append(images)
        assert (labels == y).all()
        return _nearest_mean(images, labels)

    record = feature_poisoning(
        fit,
        (x, y),
        (x, y),
        components,
        component=2,
        amplitudes=[0.1, 0.3],
        progress=done.append,
    )
    v = components.eigenvectors[:, 1]
    sign = np.where(y == 1, 1, -1)[:, None]
    for images, amplitude in zip(seen, (0.0, 0.1, 0.3), strict=True):
        np.testing.assert_allclose(images, x + amplitude * sign * v, atol=1e-6)
    assert done == [1, 1, 1]
    kinds = files._KINDS | {"PoisoningRecord": PoisoningRecord}
    monkeypatch.setattr(files, "_KINDS", kinds)
    files.write_record(record, tmp_path / "r.json")
    assert files.read_record(tmp_path / "r.json") == record


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"component": 7}, "one of 1 to 6.*component=7"),
        ({"component": 0}, "`component` must be at least 1"),
        ({"amplitudes": []}, "amplitudes"),
        ({"amplitudes": [0.1, 0.0]}, "`amplitudes` must be positive"),
    ],
)
def test_what_makes_no_signal_is_refused(changes, message):
    x, y = _images(20)
    settings = {"component": 1, "amplitudes": [0.1]} | changes
    with pytest.raises(ValueError, match=message):
        feature_poisoning(
            _nearest_mean, (x, y), (x, y), _components(x), **settings
        )
