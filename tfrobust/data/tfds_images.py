"""Any image classification set that tensorflow-datasets has prepared."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.data.images import ImageData
from tfrobust.data.images import Split

_MAX_BYTES = 8 << 30


def prepare_command(name: str, data_dir: str | pathlib.Path) -> str:
    """Return the command that prepares a set."""
    return f"python -m tools.prepare --data={name} --data_dir={data_dir}"


def load_tfds(
    name: str,
    data_dir: str | pathlib.Path,
    *,
    image_size: tuple[int, int] | None = None,
) -> ImageData:
    """Read a prepared set into memory as uint8 images.

    Args:
        name: as tensorflow-datasets spells it: "mnist", "cifar10",
            "dataset/config".
        data_dir: directory that holds NAME/[CONFIG/]VERSION.
        image_size: (height, width) to resize to (area average); needed where
            images differ in size. Default: as they are.

    Returns:
        Its "train" and "test" splits, or "validation" for a set that has no
        test labels.

    Raises:
        ValueError: for a directory that is missing or corrupt (naming the
            command that prepares it), images of varying size, or a set
            without images and labels or too large for memory.
    """
    builder = _builder(name, data_dir)
    info = builder.info
    keys: tuple[str, ...] = tuple(info.supervised_keys or ())
    if len(keys) != 2 or "train" not in info.splits:
        raise ValueError(
            f"`{name}` is not an image classification set with a training "
            f"split. Received: supervised keys {info.supervised_keys}, "
            f"splits {sorted(info.splits)}"
        )
    test_name = "test" if "test" in info.splits else "validation"
    if test_name not in info.splits:
        raise ValueError(
            f"`{name}` has neither a test nor a validation split. "
            f"Received: splits {sorted(info.splits)}"
        )
    shape = _image_shape(name, info.features[keys[0]].shape, image_size)
    total = info.splits["train"].num_examples
    if total * int(np.prod(shape)) > _MAX_BYTES:
        raise ValueError(
            f"`{name}` must fit into {_MAX_BYTES >> 30} GiB of memory; "
            "choose a smaller image_size. Received: "
            f"{total} images of {shape}"
        )
    try:
        train, test = (
            _read(builder, split, keys, shape) for split in ("train", test_name)
        )
    except (tf.errors.OpError, OSError) as error:
        raise ValueError(
            f"The prepared data of `{name}` in {data_dir} is corrupt "
            f"({_first_line(error)}); remove it and run: "
            f"{prepare_command(name, data_dir)}"
        ) from error
    return ImageData(
        name=name,
        num_classes=info.features[keys[1]].num_classes,
        train=train,
        validation=train.take(slice(0, 0)),
        test=test,
        description=" ".join((info.description or "").split()),
    )


def _builder(name: str, data_dir: str | pathlib.Path) -> Any:
    """Return the builder of the newest prepared version."""
    import tensorflow_datasets as tfds

    root = pathlib.Path(data_dir).expanduser() / name
    versions = [
        path.parent
        for path in root.glob("*/dataset_info.json")
        if re.fullmatch(r"\d+\.\d+\.\d+", path.parent.name)
    ]
    if not versions:
        raise ValueError(
            f"No prepared data of `{name}` in {data_dir}; run: "
            f"{prepare_command(name, data_dir)}"
        )
    newest = max(versions, key=lambda p: [int(n) for n in p.name.split(".")])
    try:
        return tfds.builder_from_directory(newest)
    except Exception as error:  # its parsers raise many kinds
        raise ValueError(
            f"The prepared data of `{name}` in {data_dir} is corrupt "
            f"({_first_line(error)}); remove it and run: "
            f"{prepare_command(name, data_dir)}"
        ) from error


def _image_shape(
    name: str, shape: tuple, size: tuple[int, int] | None
) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[2] is None:
        raise ValueError(
            f"`{name}` must have images of (height, width, channels). "
            f"Received: shape={shape}"
        )
    height, width = size or shape[:2]
    if height is None or width is None:
        raise ValueError(
            f"The images of `{name}` differ in size; pass image_size. "
            f"Received: shape={shape}"
        )
    return height, width, shape[2]


def _read(builder: Any, split: str, keys: Any, shape: tuple) -> Split:
    """Decode one split into arrays, in the order of its files."""
    count = builder.info.splits[split].num_examples
    x = np.empty((count, *shape), np.uint8)
    y = np.empty((count,), np.int64)

    def resize(example: Any) -> Any:
        image, label = example[keys[0]], example[keys[1]]
        if image.shape != shape:
            resized = tf.image.resize(image, shape[:2], method="area")
            image = tf.cast(tf.round(resized), tf.uint8)
        return tf.ensure_shape(image, shape), label

    batches = builder.as_dataset(split=split, shuffle_files=False)
    batches = batches.map(resize, num_parallel_calls=tf.data.AUTOTUNE)
    done = 0
    for images, labels in batches.batch(1000).as_numpy_iterator():
        x[done : done + len(labels)] = images
        y[done : done + len(labels)] = labels
        done += len(labels)
    if done != count:
        raise OSError(f"{split} has {done} of {count} examples")
    return Split(x, y)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
