"""scikit-learn's 8x8 digits: real images, no download."""

from __future__ import annotations

import numpy as np

from tfrobust.data.images import from_arrays
from tfrobust.data.images import ImageData

_NUM_TEST = 450


def load_digits() -> ImageData:
    """Return the 1,797 digits: 1,347 to train on, 450 to test.

    scikit-learn has no official split; ours is a permutation with a fixed
    seed. Pixels of 0-16 are divided by 16. Source: E. Alpaydin and C.
    Kaynak, UCI Optical Recognition of Handwritten Digits, its test part.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    x = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    y = digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    test, train = order[:_NUM_TEST], order[_NUM_TEST:]
    return from_arrays(
        (x[train], y[train]),
        (x[test], y[test]),
        num_classes=10,
        name="digits",
    )
