"""Image sets in memory: arrays, splits, a validation part from training."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfrobust.arguments import check_integer
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images and labels in a fixed order.

    Attributes:
        x: uint8 images of 0-255, or floats in [0, 1]; (n, ...).
        y: int64 labels, (n,).
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def images(self, rows: Any = slice(None)) -> np.ndarray:
        """Return these rows as floats in [0, 1]."""
        x = self.x[rows]
        return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x

    def take(self, rows: Any) -> Split:
        """Return the split of these rows."""
        return Split(self.x[rows], self.y[rows])

    def first(self, count: int | None) -> Split:
        """Return the first `count` rows, or all for `None`."""
        return self if count is None else self.take(slice(0, count))


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """An image set: train and test, and validation carved from train.

    Attributes:
        name: of the set.
        num_classes: labels lie in [0, num_classes).
        train, validation, test: splits; validation may be empty.
        description: one paragraph on where it comes from.
    """

    name: str
    num_classes: int
    train: Split
    validation: Split
    test: Split
    description: str = ""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, channels), or (D,)."""
        return self.test.x.shape[1:]

    def with_validation(self, num_examples: int, *, seed: int) -> ImageData:
        """Move examples from train to validation, chosen by `seed`.

        Nothing is ever selected on test; what selects (checkpoints,
        searches) looks at this part.

        Args:
            num_examples: size of the validation part, less than train's;
                0 leaves it empty.
            seed: of the choice.
        """
        check_integer("num_examples", num_examples, minimum=0)
        if num_examples >= len(self.train):
            raise ValueError(
                f"Validation must leave some of the {len(self.train)} "
                f"training examples. Received: num_examples={num_examples}"
            )
        order = np.random.default_rng(seed).permutation(len(self.train))
        chosen = np.sort(order[:num_examples])
        kept = np.sort(order[num_examples:])
        return dataclasses.replace(
            self,
            train=self.train.take(kept),
            validation=self.train.take(chosen),
        )


def from_arrays(
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    num_classes: int,
    name: str = "arrays",
) -> ImageData:
    """Return an image set from numpy arrays, checked.

    Args:
        train: (x, y): floats in [0, 1] of shape (n, height, width, channels)
            or (n, D), and integer labels of shape (n,).
        test: likewise.
        num_classes: at least 2.
        name: of the set.

    Raises:
        ValueError: for values out of range, not finite, or shapes that don't
            fit each other.
    """
    check_integer("num_classes", num_classes, minimum=2)
    splits = []
    for x, y in (train, test):
        x = check_images(x)
        y = check_labels(y, num_examples=len(x), num_classes=num_classes)
        splits.append(Split(x, y))
    if splits[0].x.shape[1:] != splits[1].x.shape[1:]:
        raise ValueError(
            "Training and test images must have one shape. Received: "
            f"{splits[0].x.shape[1:]} and {splits[1].x.shape[1:]}"
        )
    nothing = splits[0].take(slice(0, 0))
    return ImageData(name, num_classes, splits[0], nothing, splits[1])
