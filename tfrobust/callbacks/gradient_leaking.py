"""How much of the gradient lies in the data's components, epoch by epoch.

Li, Cheng, Su and Zhu, 2020, Defense against adversarial attacks via
controlling gradient leaking on embedded manifolds, ECCV, fig. 4(b, c).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.analysis import mean_shares
from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.signs import input_gradients
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.inputs import check_logits
from tfrobust.objectives import CrossEntropy
from tfrobust.ops.principal_components import PrincipalComponents


class GradientLeakingTracker(keras.callbacks.Callback):
    """Add the mean share in the first d components to each epoch's logs.

    After each epoch, and once before the first, as the paper's figure does,
    it takes the gradient of the loss at the same images; `logs` and
    `history` have alpha_bar_d under "gradient_leaking_d" for each d.

    Args:
        x: images to look at, (n, ...); not of the test set where anything is
            chosen by what is seen.
        y: their integer labels, (n,).
        components: of the training images; as many as the largest d.
        dimensions: values of d, such as the paper's (300, 800).
        log_dir: where TensorBoard looks; default: no files.
        batch_size: images at a time; default 250.

    Attributes:
        history: "epoch" -> epochs done at each look, 0 for before the first,
            and "gradient_leaking_d" -> the shares seen. `fit` starts it anew.

    Raises:
        ValueError: for labels that don't fit, images of another size than
            the components, or a d beyond the components; when training
            begins, for a model without logits or labels beyond its classes.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        components: PrincipalComponents,
        dimensions: Sequence[int],
        *,
        log_dir: str | os.PathLike[str] | None = None,
        batch_size: int = 250,
    ) -> None:
        super().__init__()
        check_type(
            "components",
            components,
            PrincipalComponents,
            example="ops.principal_components(...)",
        )
        self.x = check_images(x, bounds=None)
        # How many classes there are is the model's to say, in training.
        self.y = check_labels(y, num_examples=len(self.x), num_classes=2**31)
        _check_size(self.x, components)
        for d in dimensions:
            check_integer("dimensions", d, minimum=1)
        known = components.eigenvectors.shape[1]
        if not dimensions or max(dimensions) > known:
            raise ValueError(
                f"`dimensions` must be some of 1 to {known}. "
                f"Received: dimensions={dimensions!r}"
            )
        check_integer("batch_size", batch_size, minimum=1)
        self.components = components
        self.dimensions = tuple(dimensions)
        self.log_dir = log_dir
        self.batch_size = batch_size
        self.history: dict[str, list[float]] = {}
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget what an earlier training showed; look at the model."""
        del logs
        self.history = {}
        logits = predict_logits(self._classifier, self.x[: self.batch_size])
        check_logits(logits)
        shape = {"num_examples": len(self.x), "num_classes": logits.shape[1]}
        check_labels(self.y, **shape)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Look once before the first epoch."""
        del logs
        if not self.history:
            self._keep(epoch, self.shares())

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Look at the model as it stands."""
        shares = self.shares()
        self._keep(epoch + 1, shares)
        if logs is not None:
            logs.update(shares)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close TensorBoard's file."""
        del logs
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def shares(self) -> dict[str, float]:
        """Return "gradient_leaking_d" -> the mean share now."""
        gradients = input_gradients(
            self._classifier,
            self.x,
            tf.constant(self.y),
            CrossEntropy(),
            batch_size=self.batch_size,
        )
        most = max(self.dimensions)
        found = mean_shares(gradients, self.components.eigenvectors[:, :most])
        return {f"gradient_leaking_{d}": found[d - 1] for d in self.dimensions}

    @property
    def _classifier(self) -> keras.Model:
        """A defense's classifier, or the model itself."""
        return getattr(self.model, "classifier", self.model)

    def _keep(self, epochs: int, shares: dict[str, float]) -> None:
        for name, value in {"epoch": epochs, **shares}.items():
            self.history.setdefault(name, []).append(value)
        if self.log_dir is None:
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.log_dir))
        with self._writer.as_default():
            for name, value in shares.items():
                tf.summary.scalar(name, value, step=epochs)
        self._writer.flush()


def _check_size(x: np.ndarray, components: PrincipalComponents) -> None:
    size = int(np.prod(x.shape[1:]))
    if components.mean.shape != (size,):
        raise ValueError(
            f"`components` must be of images of {size} entries. "
            f"Received: {components.mean.shape[0]}"
        )
