"""Image sets and tf.data pipelines, everything in [0, 1]."""

from tfrobust.data.augmentation import Flip
from tfrobust.data.augmentation import PadAndCrop
from tfrobust.data.digits import load_digits
from tfrobust.data.images import from_arrays
from tfrobust.data.images import ImageData
from tfrobust.data.images import Split
from tfrobust.data.pipeline import steps_per_epoch
from tfrobust.data.pipeline import train_batches
from tfrobust.data.tfds_images import load_tfds

__all__ = [
    "Flip",
    "ImageData",
    "PadAndCrop",
    "Split",
    "from_arrays",
    "load_digits",
    "load_tfds",
    "steps_per_epoch",
    "train_batches",
]
