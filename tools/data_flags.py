"""Flags that name an image set."""

from __future__ import annotations

from absl import flags

from tools import cli

DATA = flags.DEFINE_string(
    "data", "digits", "digits, mnist, cifar10, or any TFDS image set"
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "prepared data sets; default $TFDS_DATA_DIR"
)
IMAGE_SIZE = cli.define_size("image_size", "resize images, e.g. 64 or 48x64")
ALL = (DATA, DATA_DIR, IMAGE_SIZE)
