"""Batches: every example once an epoch, in the order of (seed, epoch)."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfrobust import data
from tfrobust.data import Split


def _split(count=10):
    x = np.arange(count, dtype=np.float32)[:, None] / count
    return Split(x, np.arange(count))


def _labels(batches, count):
    return [y.numpy().tolist() for _, y in itertools.islice(batches, count)]


def test_an_epoch_holds_every_example_once():
    batches = _labels(data.train_batches(_split(), 4, seed=0), 6)
    assert [len(b) for b in batches] == [4, 4, 2, 4, 4, 2]
    for epoch in (batches[:3], batches[3:]):
        assert sorted(sum(epoch, [])) == list(range(10))
    assert batches[:3] != batches[3:]


def test_images_go_with_their_labels():
    for x, y in itertools.islice(data.train_batches(_split(), 4, seed=0), 3):
        np.testing.assert_allclose(x[:, 0] * 10, y, rtol=1e-6)


def test_order_is_a_function_of_seed_and_epoch():
    whole = _labels(data.train_batches(_split(), 4, seed=3), 9)
    resumed = data.train_batches(_split(), 4, seed=3, first_epoch=2)
    assert _labels(resumed, 3) == whole[6:]
    assert _labels(data.train_batches(_split(), 4, seed=4), 3) != whole[:3]


def test_remainder_and_step_counts():
    kept = data.train_batches(_split(), 4, seed=0, drop_remainder=True)
    assert [len(b) for b in _labels(kept, 4)] == [4, 4, 4, 4]
    assert data.steps_per_epoch(10, 4) == 3
    assert data.steps_per_epoch(10, 4, drop_remainder=True) == 2


def test_a_batch_larger_than_the_data():
    with pytest.raises(ValueError, match="at most the 10.*batch_size=11"):
        data.train_batches(_split(), 11, seed=0)


def test_crop_shifts_by_at_most_the_padding():
    # One bright pixel in the middle must land within 2 of it.
    x = np.zeros((200, 9, 9, 1), np.float32)
    x[:, 4, 4] = 1.0
    crop = data.PadAndCrop(2)
    found = crop(tf.constant(x), tf.constant([0, 0])).numpy()
    places = np.argwhere(found[..., 0] == 1.0)
    assert len(places) == 200
    shifts = places[:, 1:] - 4
    assert set(map(tuple, shifts)) == set(
        itertools.product(range(-2, 3), repeat=2)
    )


def test_crop_pads_with_its_value():
    x = tf.ones((50, 4, 4, 1))
    found = data.PadAndCrop(1, value=0.5)(x, tf.constant([0, 0]))
    assert set(np.unique(found)) == {0.5, 1.0}


def test_flip_mirrors_about_half():
    x = np.tile(np.arange(4, dtype=np.float32), (400, 2, 1))[..., None]
    found = data.Flip()(tf.constant(x), tf.constant([0, 0])).numpy()
    flipped = (found == x[:, :, ::-1]).all((1, 2, 3))
    straight = (found == x).all((1, 2, 3))
    assert (flipped | straight).all()
    # 400 fair coins: four standard deviations are 40.
    assert abs(flipped.sum() - 200) < 40


@pytest.mark.parametrize("augment", [data.PadAndCrop(2), data.Flip()])
def test_augmentation_is_a_function_of_its_seed(augment):
    x = tf.random.uniform((8, 6, 6, 3))
    one, same, other = (
        augment(x, tf.constant(s)).numpy() for s in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
