"""Two toys of gradient leaking: a parabola and a sine surface.

Li, Cheng, Su and Zhu, 2020, Defense against adversarial attacks via
controlling gradient leaking on embedded manifolds, ECCV, fig. 2 and 3. The
paper draws them and prints no numbers: formulas, heights, network and
training are ours. In both the class says whether a point of a nearly flat
manifold lies above a plane. That plane separates the classes and is nearly
parallel to the manifold, so a network that finds it leaks its gradient along
the normal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.analysis.gradient_leaking import mean_shares
from tfrobust.architectures import dense_network
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_non_negative
from tfrobust.arguments import check_positive
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.signs import input_gradients
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.principal_components import principal_components
from tfrobust.records.toys import ToyRecord

_WIDTHS = (32, 32)
_RATE = 0.01
_RESOLUTION = 61
_SHOWN = 40


@dataclasses.dataclass(frozen=True)
class ToyPoints:
    """Points of a manifold.

    Attributes:
        x: shape (n, D), float32.
        y: 1 above the plane and 0 below, int64, shape (n,).
        normals: unit vectors across the manifold, upwards, shape (n, D).
    """

    x: np.ndarray
    y: np.ndarray
    normals: np.ndarray


@dataclasses.dataclass(frozen=True)
class Manifold:
    """Points whose last coordinate is a function of the first.

    The others lie in [-1, 1]; class 1 is above a plane.

    Attributes:
        name: how the record calls it.
        height: from the lowest point to the highest, in input units.
        threshold: where the plane is, on the last coordinate.
        num_free: how many coordinates are free: D - 1.
        section: first coordinate -> last.
        slope: its derivative.
    """

    name: str
    height: float
    threshold: float
    num_free: int
    section: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]

    def points(self, num_examples: int, seed: Sequence[int]) -> ToyPoints:
        """Return points whose free coordinates are drawn uniformly."""
        rng = np.random.default_rng(seed)
        free = rng.uniform(-1.0, 1.0, (num_examples, self.num_free))
        last = self.section(free[:, 0])
        normals = np.zeros((num_examples, self.num_free + 1))
        normals[:, 0], normals[:, -1] = -self.slope(free[:, 0]), 1.0
        return ToyPoints(
            x=np.column_stack([free, last]).astype("float32"),
            y=(last > self.threshold).astype("int64"),
            normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        )


def parabola(height: float = 0.15) -> Manifold:
    """Return the curve (s, height s^2), class 1 its two arms (fig. 2a).

    Args:
        height: of the arms' ends, positive; the curve is 2 wide. The plane
            is at half of it. Default 0.15.
    """
    check_positive("height", height)
    return Manifold(
        name="parabola",
        height=height,
        threshold=height / 2,
        num_free=1,
        section=lambda s: height * s**2,
        slope=lambda s: 2 * height * s,
    )


def sine_surface(height: float = 0.15) -> Manifold:
    """Return the surface (u, v, height / 2 sin(2 pi u)) (fig. 3).

    Class 1 is above zero: stripes along v.

    Args:
        height: from trough to crest, positive; the surface is 2 wide.
            Default 0.15.
    """
    check_positive("height", height)
    return Manifold(
        name="sine surface",
        height=height,
        threshold=0.0,
        num_free=2,
        section=lambda u: height / 2 * np.sin(2 * np.pi * u),
        slope=lambda u: np.pi * height * np.cos(2 * np.pi * u),
    )


def leaking_toy(
    manifold: Manifold,
    *,
    normal_noise: float = 0.0,
    num_examples: int = 1000,
    num_steps: int = 1500,
    seed: int = 0,
    provenance: dict[str, Any] | None = None,
) -> ToyRecord:
    """Train a small network on a toy and look at its gradients.

    With noise along the normal that knows nothing of the class, the flat
    boundary no longer pays, and one across the manifold is found (fig. 2b).

    Args:
        manifold: `parabola()` or `sine_surface()`.
        normal_noise: standard deviation of the noise on training points, in
            input units; default 0: none.
        num_examples: to train on, and as many to look at; default 1,000.
        num_steps: of Adam at 0.01, on all points at once; default 1,500.
        seed: of points, noise and the network's start; default 0.
        provenance: of the run; default nothing.

    Raises:
        ValueError: for negative noise, or no example.
    """
    check_non_negative("normal_noise", normal_noise)
    check_integer("num_examples", num_examples, minimum=2)
    check_integer("seed", seed, minimum=0)
    train, test = (manifold.points(num_examples, (seed, k)) for k in range(2))
    rng = np.random.default_rng((seed, 2))
    along = normal_noise * rng.standard_normal((num_examples, 1))
    x = (train.x + along * train.normals).astype("float32")
    network = train_toy(x, train.y, num_steps=num_steps, seed=seed)
    gradients = input_gradients(
        network, test.x, tf.constant(test.y), CrossEntropy()
    ).astype("float64")
    size = x.shape[1]
    components = principal_components(lambda: [train.x], size, size)
    s = np.linspace(-1.0, 1.0, _RESOLUTION)
    curve = np.stack([s, manifold.section(s)], 1)
    heights = manifold.threshold + 2 * manifold.height * s
    drawn = [0, size - 1]
    return ToyRecord(
        model="dense network",
        model_digest="",
        data=manifold.name,
        num_examples=num_examples,
        height=float(manifold.height),
        normal_noise=float(normal_noise),
        accuracy=float(np.mean(_right(network, test.x, test.y))),
        axes=("x1", f"x{size}"),
        horizontal=tuple(s.tolist()),
        vertical=tuple(heights.tolist()),
        decision=_rows(decision_section(network, s, heights, size)),
        manifold=_rows(curve),
        threshold=float(manifold.threshold),
        points=_rows(test.x[:_SHOWN, drawn]),
        labels=tuple(test.y[:_SHOWN].tolist()),
        gradients=_rows(gradients[:_SHOWN, drawn]),
        tangent_shares=tuple(tangent_shares(gradients, test.normals).tolist()),
        principal_shares=mean_shares(gradients, components.eigenvectors),
        energy=tuple(components.energy.tolist()),
        mean_gradient_norm=float(np.linalg.norm(gradients, axis=1).mean()),
        normal_flip_share=_flip_share(network, test, manifold.height),
        settings={
            "widths": list(_WIDTHS),
            "activation": "tanh",
            "learning_rate": _RATE,
            "num_steps": num_steps,
            "seed": seed,
        },
        provenance=provenance or {},
    )


def train_toy(
    x: np.ndarray, y: np.ndarray, *, num_steps: int, seed: int
) -> keras.Model:
    """Return a dense network of two hidden layers, trained by Adam.

    Args:
        x: points, shape (n, D).
        y: classes 0 and 1, shape (n,).
        num_steps: each on all points.
        seed: of the weights at the start; Keras' own is left alone.
    """
    check_integer("num_steps", num_steps, minimum=1)
    network = dense_network(x.shape[1:], 2, widths=_WIDTHS, activation="tanh")
    rng = np.random.default_rng((seed, 3))
    network.set_weights([_start(w.shape, rng) for w in network.get_weights()])
    network.compile(
        keras.optimizers.Adam(_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # All steps in one graph: one at a time, Python would take longer.
        steps_per_execution=num_steps,
    )
    whole = tf.data.Dataset.from_tensors((x, y)).repeat(num_steps)
    network.fit(whole, shuffle=False, verbose=0)
    return network


def tangent_shares(gradients: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return each gradient's squared share in the tangent space, (n,).

    Args:
        gradients: shape (n, D); one of zeros gets 0.
        normals: unit vectors, shape (n, D).

    Example:

    >>> float(tangent_shares(np.array([[3.0, 4.0]]), np.array([[0.0, 1.0]]))[0])
    0.36
    """
    gradients = gradients.astype("float64")
    largest = np.abs(gradients).max(axis=1, keepdims=True)
    unit = gradients / np.where(largest > 0, largest, 1.0)
    inside = unit - (unit * normals).sum(axis=1, keepdims=True) * normals
    whole = np.square(unit).sum(axis=1)
    return np.square(inside).sum(axis=1) / np.where(whole > 0, whole, 1.0)


def decision_section(
    classifier: keras.Model, first: np.ndarray, last: np.ndarray, size: int
) -> np.ndarray:
    """Return logit 1 less logit 0 where other coordinates are zero.

    Args:
        classifier: of points of `size` coordinates, two classes.
        first: values of the first coordinate, shape (w,).
        last: of the last, shape (h,).
        size: D.

    Returns:
        Shape (h, w).
    """
    grid = np.zeros((len(last), len(first), size), "float32")
    grid[..., 0], grid[..., -1] = first, last[:, None]
    logits = predict_logits(classifier, grid.reshape(-1, size))
    return (logits[:, 1] - logits[:, 0]).reshape(len(last), len(first))


def _start(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return Glorot's uniform start of a kernel, zeros of a bias."""
    if len(shape) == 1:
        return np.zeros(shape)
    limit = np.sqrt(6.0 / sum(shape))
    return rng.uniform(-limit, limit, shape)


def _flip_share(network: keras.Model, test: ToyPoints, height: float) -> float:
    """Return the share of right points wrong after `height` off the surface.

    Those above go down and those below go up, each along its normal.
    """
    right = _right(network, test.x, test.y)
    step = np.where(test.y == 1, -height, height)[:, None] * test.normals
    moved = (test.x + step).astype("float32")
    flipped = right & ~_right(network, moved, test.y)
    return float(flipped.sum() / max(1, right.sum()))


def _right(network: keras.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return predict_logits(network, x).argmax(1) == y


def _rows(values: np.ndarray) -> Any:
    return tuple(map(tuple, values.astype("float64").tolist()))
