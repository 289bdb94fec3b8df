"""Prepared sets: read back as written; missing, corrupt and odd ones."""

import pathlib

import numpy as np
import pytest

from tests import tfds_sets
from tfrobust import data


def _prepare(data_dir, **arguments):
    tfds_sets.make_builder(data_dir, **arguments).download_and_prepare()


def test_images_and_labels_come_back_as_written(tmp_path):
    _prepare(tmp_path)
    found = data.load_tfds("tiny_digits", tmp_path)
    assert found.num_classes == 3 and found.image_shape == (6, 5, 1)
    assert found.description == "Random images. For tests."
    for split, count, seed in ((found.train, 20, 0), (found.test, 8, 1)):
        x, y = tfds_sets.images(count, seed=seed)
        # TFDS shuffles when it writes.
        pairs = sorted((bytes(a), b) for a, b in zip(x, y, strict=True))
        assert pairs == sorted(
            (bytes(a), b) for a, b in zip(split.x, split.y, strict=True)
        )


def test_order_is_the_same_each_time(tmp_path):
    _prepare(tmp_path)
    one, two = (data.load_tfds("tiny_digits", tmp_path) for _ in range(2))
    np.testing.assert_array_equal(one.train.x, two.train.x)


def test_images_of_several_sizes_need_a_size(tmp_path):
    shape, sizes = (None, None, 3), [(6, 5, 3), (9, 7, 3)]
    _prepare(tmp_path, shape=shape, sizes=sizes)
    with pytest.raises(ValueError, match="pass image_size"):
        data.load_tfds("tiny_digits", tmp_path)
    found = data.load_tfds("tiny_digits", tmp_path, image_size=(4, 4))
    assert found.train.x.shape == (20, 4, 4, 3)


def test_a_missing_set_names_the_command(tmp_path):
    command = f"tools.prepare --data=mnist --data_dir={tmp_path}"
    with pytest.raises(ValueError, match=command):
        data.load_tfds("mnist", tmp_path)


def _damage_records(directory):
    record = next(directory.glob("*train*"))
    record.write_bytes(record.read_bytes()[:-100])


def _damage_info(directory):
    (directory / "dataset_info.json").write_text("{")


def _lose_records(directory):
    next(directory.glob("*train*")).unlink()


@pytest.mark.parametrize(
    "damage", [_damage_records, _damage_info, _lose_records]
)
def test_a_corrupt_set_says_so_and_names_the_command(damage, tmp_path):
    _prepare(tmp_path)
    damage(tmp_path / "tiny_digits" / "1.2.0")
    with pytest.raises(ValueError, match="corrupt.*tools.prepare") as error:
        data.load_tfds("tiny_digits", tmp_path)
    assert "\n" not in str(error.value)


_SHARED = pathlib.Path(__file__).parents[3] / "shared" / "tfds"


@pytest.mark.slow
@pytest.mark.skipif(not _SHARED.is_dir(), reason="no ../shared/tfds here")
@pytest.mark.parametrize(
    "name, shape, sizes",
    [
        ("mnist", (28, 28, 1), (60000, 10000)),
        ("cifar10", (32, 32, 3), (50000, 10000)),
    ],
)
def test_the_real_sets(name, shape, sizes):
    found = data.load_tfds(name, _SHARED)
    assert found.image_shape == shape
    assert (len(found.train), len(found.test)) == sizes
    assert found.num_classes == 10
    assert np.bincount(found.test.y).min() > 800
