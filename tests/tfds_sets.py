"""Small prepared image sets, made by tensorflow-datasets itself."""

import numpy as np
import tensorflow_datasets as tfds


def images(count, size=(6, 5), channels=1, seed=0):
    """Return uint8 images and labels."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (count, *size, channels), dtype=np.uint8)
    return x, rng.integers(0, 3, count)


def make_builder(data_dir, name="tiny_digits", *, shape=(6, 5, 1), sizes=None):
    """Return a builder of a set with 20 training and 8 test images.

    `sizes` gives images of several sizes, and `shape` must then say None.
    """
    set_name = name

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = set_name
        VERSION = tfds.core.Version("1.2.0")

        def _info(self):
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=shape),
                        "label": tfds.features.ClassLabel(num_classes=3),
                    }
                ),
                supervised_keys=("image", "label"),
                description="Random images.\nFor tests.",
            )

        def _split_generators(self, dl_manager):
            del dl_manager
            return {
                "train": self._generate_examples(20, 0),
                "test": self._generate_examples(8, 1),
            }

        def _generate_examples(self, count, seed):
            x, y = images(count, (6, 5), shape[-1], seed)
            for index in range(count):
                image = x[index]
                if sizes is not None:
                    image = np.resize(image, sizes[index % len(sizes)])
                yield index, {"image": image, "label": int(y[index])}

    return Builder(data_dir=str(data_dir))
