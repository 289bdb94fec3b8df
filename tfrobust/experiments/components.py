"""The principal components of a training part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfrobust.data import ImageData
from tfrobust.data import Split
from tfrobust.ops.principal_components import principal_components
from tfrobust.ops.principal_components import PrincipalComponents

_ROWS = 1024


def training_components(
    data: ImageData, num_components: int | None
) -> PrincipalComponents:
    """Return the training images' first components; all, to 1,000."""
    size = int(np.prod(data.image_shape))
    count = min(num_components or 1000, size)
    return principal_components(lambda: _flat_batches(data.train), size, count)


def _flat_batches(split: Split) -> Iterator[np.ndarray]:
    for start in range(0, len(split), _ROWS):
        images = split.images(slice(start, start + _ROWS))
        yield images.reshape(len(images), -1)
