"""Gradient leaking's defense: train on the data manifold's tangent space.

Li, Cheng, Su, Zhu: Defense Against Adversarial Attacks via Controlling
Gradient Leaking on Embedded Manifolds, ECCV 2020, Algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_seed
from tfrobust.inputs import check_images
from tfrobust.ops.norms import at_least_float32
from tfrobust.ops.norms import scalar
from tfrobust.ops.principal_components import principal_components
from tfrobust.ops.replicas import replica_rows
from tfrobust.ops.sampling import BatchNoise

# Apart from the model's own noise, which has the same counter at each step
# and, by default, the same seed: seeds end below this.
_STREAM = 1 << 32
_BATCH_ROWS = 1024


@keras.saving.register_keras_serializable("tfrobust.layers")
class PrincipalSubspace(keras.layers.Layer):
    """Project training images on principal components, with noise beside.

    A network that ignores the directions in which images hardly vary has no
    gradient there to leak. With C = (1/N) sum (x_n - mean)(x_n - mean)^T =
    V diag(lambda) V^T over the whole training set, and lambda descending:

        a = V^T (x - mean)
        a_i = 0                            for i > d
        a_i = c sqrt(lambda_i) xi_i        for d < i <= d + m
        x' = V a + mean

    with xi standard normal. The result is not clipped and may leave [0, 1].
    Without training the layer returns its input: the evaluated model takes
    the original image. It is the `input_transform` of a `RobustModel`, which
    saves and restores it.

    Noise is new at every call, so in `fit` at every step, and comes after
    what augmentation the pipeline has; both are ours. The authors rewrote
    the training set once, before training: call the layer on its batches
    with `training=True`, as below, and train on the result with
    `RobustModel(classifier, bounds=None)`.

    The noise is a function of the seed and a counter that is saved, and is
    drawn for the global batch, so that replicas see what one device would.
    Under a `tf.distribute` strategy create and adapt the layer in its scope.

    Weights, none of them trainable: `mean` (D,), `basis` (D, d + m),
    `eigenvalues` (d + m,), `energy` (d + m,), the share of the total
    variance within the first i components, and `num_examples` adapted to.

    Args:
        num_components: d, at least 1. The authors' for CIFAR-10 are 800, 500
            and 300, with 99.40 % of the energy at 800 and 96.85 % at 300.
        num_noise_components: m, at least 0; default 10, the authors'. 0 is
            their 'pca'.
        noise_scale: c, in standard deviations of the data along each
            direction, not negative; default 10, the authors'.
        seed: of the noise, in [0, 2**32); default 0.

    Call arguments:
        inputs: float images, shape (batch, height, width, channels) or
            (batch, D).
        training: whether to transform them; default False.

    Returns:
        Images of the same shape and dtype, computed in float32 at least.

    Raises:
        ValueError: for arguments out of range, more than D components, or
            a call with `training=True` before `adapt`.

    References:
        Y. Li, S. Cheng, H. Su, J. Zhu: Defense Against Adversarial Attacks
        via Controlling Gradient Leaking on Embedded Manifolds, ECCV 2020.

    Example:

    >>> images = np.random.default_rng(0).uniform(size=(60, 4, 4, 1))
    >>> layer = tfrobust.layers.PrincipalSubspace(5, num_noise_components=2)
    >>> layer.adapt(images)
    >>> layer.basis.numpy().shape
    (16, 7)

    As the authors did, once before training:

    >>> batches = tf.data.Dataset.from_tensor_slices(images).batch(32)
    >>> rewritten = np.concatenate([layer(x, training=True) for x in batches])
    >>> rewritten.shape
    (60, 4, 4, 1)
    """

    def __init__(
        self,
        num_components: int,
        *,
        num_noise_components: int = 10,
        noise_scale: float = 10.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        check_integer("num_components", num_components, minimum=1)
        check_integer("num_noise_components", num_noise_components, minimum=0)
        check_non_negative("noise_scale", noise_scale)
        check_seed(seed)
        # Images keep their precision under a mixed policy.
        super().__init__(autocast=False, **kwargs)
        self.num_components = num_components
        self.num_noise_components = num_noise_components
        self.noise_scale = noise_scale
        self.seed = seed

    def build(self, input_shape: Any) -> None:
        """Create the weights, which `adapt` or a saved file fills.

        Raises:
            ValueError: for images of unknown shape, or fewer values than
                components.
        """
        if not tf.executing_eagerly():
            # Weights made inside a graph would never have values.
            raise self._not_adapted()
        shape = tuple(input_shape[1:])
        if None in shape:
            raise ValueError(
                "Images must have a known shape. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        size = math.prod(shape)
        total = self.num_components + self.num_noise_components
        if total > size:
            raise ValueError(
                "`num_components` and `num_noise_components` must be at most "
                f"D={size} together, the values of an image of shape {shape}. "
                f"Received: num_components={self.num_components}, "
                f"num_noise_components={self.num_noise_components}"
            )
        self.image_shape = shape
        self.mean = self._state("mean", (size,))
        self.basis = self._state("basis", (size, total))
        self.eigenvalues = self._state("eigenvalues", (total,))
        self.energy = self._state("energy", (total,))
        self.num_examples = self._state("num_examples", (), dtype="int64")
        self.noise_counter = self._state(
            "noise_counter",
            (),
            dtype="int64",
            aggregation="only_first_replica",
        )

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shape in a saved file, of which JSON made a list."""
        self.build(tuple(config["input_shape"]))

    def _state(self, name: str, shape: tuple[int, ...], **kwargs: Any) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer="zeros",
            trainable=False,
            autocast=False,
            **kwargs,
        )

    def adapt(self, data: Any) -> None:
        """Find mean and principal components of the whole training set.

        Computed in float64. Up to D = 10,000 the eigenpairs are exact, from
        one pass over the data. Above, a randomised SVD takes five, the mean
        with the first, and needs at least d + m examples. The data must be
        the same in each pass, so leave random augmentation out.

        N examples span N - 1 directions: with fewer than d + m of them the
        last eigenvalues are 0, and so is the noise there.

        Args:
            data: float images, shape (N, height, width, channels) or (N, D),
                as numpy array or tensor; or a finite `tf.data.Dataset` whose
                elements are batches x, (x, y) or (x, y, weight).

        Raises:
            ValueError: for data that are empty, infinite, not batched, not
                finite floats, all equal, or of another shape than before.
        """
        shape, batches = _as_batches(data)
        if not self.built:
            self.build((None, *shape))

        def rows() -> Iterator[np.ndarray]:
            for x in batches():
                self._check_shape(x)
                yield x.reshape(len(x), -1)

        size, total = self.basis.shape
        found = principal_components(rows, size, total)
        # Large images have a basis of hundreds of megabytes: cast it before
        # TensorFlow copies it, and let go of it in float64.
        double = self.variable_dtype == "float64"
        basis = found.eigenvectors.astype("float64" if double else "float32")
        self.mean.assign(found.mean)
        self.eigenvalues.assign(found.eigenvalues)
        self.energy.assign(found.energy)
        num_examples = found.num_examples
        del found
        self.basis.assign(basis)
        self.num_examples.assign(num_examples)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer; Keras puts a page around what `call` raises."""
        if kwargs.get("training"):
            self._check_adapted()
        return super().__call__(*args, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return Algorithm 1's x' in training, and else the inputs."""
        if not training:
            return inputs
        return self._transform(inputs, self._noise)

    def project(self, x: Any) -> tf.Tensor:
        """Return images projected on the first d components, no noise.

        Args:
            x: float images, shape (batch, ...) as those adapted to.

        Returns:
            Images of the same shape and dtype.

        Raises:
            ValueError: before `adapt`, or for images of another shape.
        """
        return self._transform(tf.convert_to_tensor(x), tf.zeros_like)

    def _transform(
        self, x: tf.Tensor, beside: Callable[[tf.Tensor], tf.Tensor]
    ) -> tf.Tensor:
        """Keep a_1 .. a_d; `beside` replaces a_{d+1} .. a_{d+m}."""
        self._check_adapted()
        self._check_shape(x)
        if not x.dtype.is_floating:
            raise ValueError(
                "Images must be floats in [0, 1]; divide integers of 0-255 by "
                f"255. Received: dtype={x.dtype.name}"
            )
        mean, basis = self.mean.value, self.basis.value
        flat = at_least_float32(tf.reshape(x, (-1, mean.shape[0])))
        mean, basis = tf.cast(mean, flat.dtype), tf.cast(basis, flat.dtype)
        a = tf.matmul(flat - mean, basis)
        kept, rest = a[:, : self.num_components], a[:, self.num_components :]
        a = tf.concat([kept, beside(rest)], axis=1)
        flat = tf.matmul(a, basis, transpose_b=True) + mean
        return tf.cast(tf.reshape(flat, (-1, *self.image_shape)), x.dtype)

    def _noise(self, a: tf.Tensor) -> tf.Tensor:
        """Return c sqrt(lambda_i) xi_i for d < i <= d + m, (batch, m)."""
        if not self.num_noise_components:
            return a
        self._check_mirrored()
        offset, total = replica_rows(tf.shape(a)[0])
        counter = self.noise_counter
        noise = BatchNoise(
            _STREAM + self.seed, counter, offset=offset, total=total
        )
        variance = tf.cast(self.eigenvalues[self.num_components :], a.dtype)
        scale = scalar(self.noise_scale, a.dtype) * tf.sqrt(variance)
        values = scale * noise.normal(a)
        counter.assign_add(1)
        return values

    def _check_adapted(self) -> None:
        # The weight itself, outside of any graph: it may have been loaded.
        with tf.init_scope():
            adapted = self.built and self.num_examples.numpy() > 0
        if not adapted:
            raise self._not_adapted()

    def _not_adapted(self) -> ValueError:
        return ValueError(
            f"Layer {self.name!r} has no principal components yet: call "
            "adapt(training images) first."
        )

    def _check_mirrored(self) -> None:
        """Raise where each replica would count the step for itself."""
        strategy = tf.distribute.get_strategy()
        counter = self.noise_counter.value
        if (
            strategy.num_replicas_in_sync > 1
            and not strategy.extended.variable_created_in_scope(counter)
        ):
            raise ValueError(
                f"Layer {self.name!r} must be created and adapted inside "
                "strategy.scope(), or replicas disagree on the noise."
            )

    def _check_shape(self, x: Any) -> None:
        shape = tuple(x.shape[1:])
        if not tf.TensorShape(shape).is_compatible_with(self.image_shape):
            raise ValueError(
                f"Images must have shape {self.image_shape} each, as the layer "
                f"was built for. Received: shape={tuple(x.shape)}"
            )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "num_components": self.num_components,
            "num_noise_components": self.num_noise_components,
            "noise_scale": self.noise_scale,
            "seed": self.seed,
        }


def _as_batches(data: Any) -> tuple[Any, Callable[[], Iterator[np.ndarray]]]:
    """Return the shape of one image and a way of iterating over batches."""
    if not isinstance(data, tf.data.Dataset):
        images = check_images(data, bounds=None)
        starts = range(0, len(images), _BATCH_ROWS)
        return images.shape[1:], lambda: (
            images[start : start + _BATCH_ROWS] for start in starts
        )
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`data` must be finite; leave out repeat(). Received: an infinite "
            "dataset"
        )
    spec = data.element_spec
    spec = spec[0] if isinstance(spec, tuple) else spec
    shape = getattr(spec, "shape", None)
    if shape is None or shape.rank not in (None, 2, 4):
        raise ValueError(
            "`data` must be batches of images, x, (x, y) or (x, y, weight); "
            f"call dataset.batch(size). Received: {data.element_spec}"
        )

    def batches() -> Iterator[np.ndarray]:
        for element in data:
            x = element[0] if isinstance(element, tuple) else element
            yield check_images(x, bounds=None)

    return shape[1:] if shape.rank else (None,), batches
