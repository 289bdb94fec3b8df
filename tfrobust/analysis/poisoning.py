"""Does a model use a small feature that happens to tell the class?

Li, Cheng, Su and Zhu, 2020, Defense against adversarial attacks via
controlling gradient leaking on embedded manifolds, ECCV, section 3.2. Its
appendix E, with the experiment, is not to be had: how the signal looks and
what is counted are ours.
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
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.principal_components import PrincipalComponents
from tfrobust.records.toys import PoisoningRecord

Fit = Callable[[np.ndarray, np.ndarray], keras.Model]
"""Images and labels -> a classifier trained on them."""


@dataclasses.dataclass(frozen=True)
class Signal:
    """A step along one direction that tells the class.

    Attributes:
        direction: of length 1, shaped as an image.
        num_classes: classes get evenly spaced levels from -1 to 1.
    """

    direction: np.ndarray
    num_classes: int

    def added(self, x: np.ndarray, y: np.ndarray, amplitude: float) -> Any:
        """Return x + amplitude * level_y * direction, of `x`'s type.

        Images may leave [0, 1]: clipping would change the signal.

        Example:

        >>> signal = Signal(np.array([0.0, 1.0]), 3)
        >>> x, y = np.full((3, 2), 0.5), np.arange(3)
        >>> signal.added(x, y, 0.25)[:, 1].tolist()
        [0.25, 0.5, 0.75]
        """
        levels = np.linspace(-1.0, 1.0, self.num_classes)[y]
        steps = np.multiply.outer(amplitude * levels, self.direction)
        return (x + steps).astype(x.dtype)


def feature_poisoning(
    fit: Fit,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    components: PrincipalComponents,
    *,
    component: int,
    amplitudes: Sequence[float],
    progress: Callable[[int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> PoisoningRecord:
    """Train with a signal along v_k that tells the class, and see its use.

    A model that prefers small features to large ones follows the signal of
    another class, although everything else in the image speaks for its own.
    The model trained without is shown the same images: what it follows is
    the signal's size alone. With L classes neighbours' levels are 2
    amplitude / (L - 1) apart, so two classes follow a smaller signal than ten.

    Args:
        fit: trains a classifier, from images to logits, on what it is given;
            called without the signal and then once for each amplitude. What
            differs should be the signal: let it begin alike every time.
        train: images in [0, 1], shape (n, ...), floats, and integer labels.
        test: likewise.
        components: of the training images.
        component: k, from 1; a late one has little variance.
        amplitudes: l2 length of the outermost classes' signal, positive;
            others have less, see `Signal`; one at least.
        progress: called with 1 after each training.
        model: how the models are called; default "".
        model_digest: SHA-256 of weights; default "".
        data: name of the image set; default "".
        provenance: of the run; default nothing.

    Raises:
        ValueError: for a component that isn't there, or an amplitude that
            isn't positive.
    """
    x, x_test = check_images(train[0]), check_images(test[0])
    direction = _direction(components, component, x.shape[1:])
    check_integer("len(amplitudes)", len(amplitudes), minimum=1)
    for amplitude in amplitudes:
        check_positive("amplitudes", amplitude)
    report = progress or (lambda done: None)
    y = np.asarray(train[1])
    clean = fit(x, y)
    report(1)
    logits = predict_logits(clean, x_test)
    check_logits(logits)
    classes = logits.shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    y_test = check_labels(
        test[1], num_examples=len(x_test), num_classes=classes
    )
    signal = Signal(direction, classes)
    rows = []
    for amplitude in amplitudes:
        poisoned = fit(signal.added(x, y, amplitude), y)
        report(1)
        own = signal.added(x_test, y_test, amplitude)
        rows.append(
            (
                _accuracy(poisoned, x_test, y_test),
                _accuracy(poisoned, own, y_test),
                follow_share(poisoned, x_test, y_test, signal, amplitude),
                _gradient_share(poisoned, x_test, y_test, direction),
                follow_share(clean, x_test, y_test, signal, amplitude),
            )
        )
    right, right_own, follow, share, clean_follow = zip(*rows, strict=True)
    return PoisoningRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x_test),
        component=component,
        standard_deviation=float(components.eigenvalues[component - 1] ** 0.5),
        amplitudes=tuple(map(float, amplitudes)),
        accuracy=right,
        own_accuracy=right_own,
        follow_shares=follow,
        gradient_shares=share,
        clean_accuracy=_accuracy(clean, x_test, y_test),
        clean_gradient_share=_gradient_share(clean, x_test, y_test, direction),
        clean_follow_shares=clean_follow,
        provenance=provenance or {},
    )


def follow_share(
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    signal: Signal,
    amplitude: float,
) -> float:
    """Return how often another class's signal is what is predicted.

    Args:
        classifier: from images to logits.
        x: images without the signal, shape (n, ...).
        y: their classes, shape (n,).
        signal: what is added.
        amplitude: its l2 length for the outermost classes.

    Returns:
        The mean over images and all other classes.
    """
    shares = []
    for offset in range(1, signal.num_classes):
        others = (y + offset) % signal.num_classes
        shown = signal.added(x, others, amplitude)
        shares.append(_accuracy(classifier, shown, others))
    return float(np.mean(shares))


def _direction(
    components: PrincipalComponents, component: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Return v_k as an image, after a look at whether there is one."""
    check_integer("component", component, minimum=1)
    size, known = components.eigenvectors.shape
    if component > known:
        raise ValueError(
            f"`component` must be one of 1 to {known}. "
            f"Received: component={component}"
        )
    if size != np.prod(shape):
        raise ValueError(
            f"`components` must be of images of {np.prod(shape)} entries. "
            f"Received: {size}"
        )
    return components.eigenvectors[:, component - 1].reshape(shape)


def _accuracy(classifier: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(predict_logits(classifier, x).argmax(1) == y))


def _gradient_share(
    classifier: keras.Model, x: np.ndarray, y: np.ndarray, direction: np.ndarray
) -> float:
    """Return the mean of (g' v)^2 / ||g||^2 of the loss gradient."""
    found = input_gradients(classifier, x, tf.constant(y), CrossEntropy())
    return mean_shares(found, direction.reshape(-1, 1))[0]
