"""Image sets: splits, validation, errors."""

import numpy as np
import pytest

from tfrobust import data
from tfrobust.data import Split


def test_digits_are_scikit_learns_and_split_once():
    digits = data.load_digits()
    assert len(digits.train) == 1347 and len(digits.test) == 450
    assert digits.image_shape == (8, 8, 1) and digits.num_classes == 10
    from sklearn import datasets

    everything = datasets.load_digits()
    ours = np.concatenate([digits.train.images(), digits.test.images()])
    rows = {tuple(image.ravel()) for image in ours * 16}
    assert rows == {tuple(image) for image in everything.data}
    labels = np.concatenate([digits.train.y, digits.test.y])
    np.testing.assert_array_equal(
        np.bincount(labels), np.bincount(everything.target)
    )


def test_validation_is_carved_from_train_by_seed():
    digits = data.load_digits()
    carved = digits.with_validation(100, seed=1)
    again = digits.with_validation(100, seed=1)
    other = digits.with_validation(100, seed=2)
    assert len(carved.train) == 1247 and len(carved.validation) == 100
    np.testing.assert_array_equal(carved.validation.x, again.validation.x)
    assert not np.array_equal(carved.validation.x, other.validation.x)
    whole = np.concatenate([carved.train.x, carved.validation.x])
    assert sorted(map(bytes, whole)) == sorted(map(bytes, digits.train.x))
    assert carved.test is digits.test


@pytest.mark.parametrize("count", [1347, 5000, -1])
def test_validation_must_leave_something(count):
    with pytest.raises(ValueError, match="num_examples"):
        data.load_digits().with_validation(count, seed=0)


def test_bytes_become_floats_in_the_unit_interval():
    split = Split(np.array([[0, 51, 255]], np.uint8), np.array([0]))
    np.testing.assert_allclose(split.images(), [[0.0, 0.2, 1.0]], rtol=1e-6)
    assert split.images().dtype == np.float32


_GOOD = (np.zeros((4, 3), "float32"), np.zeros(4, int))


@pytest.mark.parametrize(
    "train, message",
    [
        ((_GOOD[0] + 2.0, _GOOD[1]), r"lie in \[0, 1\]"),
        ((_GOOD[0], _GOOD[1] + 7), "Labels must lie in"),
        ((np.zeros((4, 5), "float32"), _GOOD[1]), "one shape"),
        ((np.full((4, 3), np.nan), _GOOD[1]), "4 of 4 images"),
    ],
)
def test_arrays_are_checked(train, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(train, _GOOD, num_classes=2)
