"""What was seen in small pictures: paths, two toys, a planted feature."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Share


@dataclasses.dataclass(frozen=True)
class SoftmaxPathRecord:
    """Softmax from an image to its adversarial one, and label leaking.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were attacked.
        examples: which of them are shown; those below are of these.
        images: pixels, nested as the images are.
        adversarial: pixels of what the attack found, likewise.
        labels: true classes.
        before, after: classes predicted at the image and at the other end.
        positions: t of x + t (x_adv - x), from 0 to 1.
        probabilities: of each image, a row for each t, of all classes.
        perturbation_norms: in the threat model's norm.
        clean_accuracy: share of all images that are right before.
        true_label_accuracy: right after the attack made with true labels.
        predicted_label_accuracy: after the one made with predicted labels.
        settings: the attack's budget.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    examples: tuple[int, ...]
    images: tuple[Any, ...]
    adversarial: tuple[Any, ...]
    labels: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    positions: tuple[float, ...]
    probabilities: tuple[tuple[tuple[Share, ...], ...], ...]
    perturbation_norms: tuple[float, ...]
    clean_accuracy: Share
    true_label_accuracy: Share
    predicted_label_accuracy: Share
    settings: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def label_leaking(self) -> float:
        """Accuracy that an attack hands over by knowing the true label."""
        return self.true_label_accuracy - self.predicted_label_accuracy


@dataclasses.dataclass(frozen=True)
class ToyRecord:
    """A small network on points of a curved manifold.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights; "" where it wasn't kept.
        data: name of the toy.
        num_examples: how many points it was trained on.
        height: of the manifold, half of it on either side of the plane.
        normal_noise: standard deviation of what was added along the normal
            in training, in input units.
        accuracy: on points of the manifold that were not trained on.
        axes: names of the two coordinates that are drawn.
        horizontal, vertical: their values on the grid.
        decision: logit of class 1 less that of class 0; a row for each
            vertical value.
        manifold: the manifold's section with the drawn plane.
        threshold: vertical coordinate above which the class is 1.
        points: test points, the drawn coordinates.
        labels: their classes.
        gradients: loss gradient there, the drawn coordinates.
        tangent_shares: share of the squared gradient in the tangent space.
        principal_shares: mean share in the first d principal components.
        energy: share of the variance in them.
        mean_gradient_norm: l2, of the loss.
        normal_flip_share: test points, of those that are right, that are
            wrong after a move of `height` along their normal.
        settings: of network and training.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    height: float
    normal_noise: float
    accuracy: Share
    axes: tuple[str, str]
    horizontal: tuple[float, ...]
    vertical: tuple[float, ...]
    decision: tuple[tuple[float, ...], ...]
    manifold: tuple[tuple[float, float], ...]
    threshold: float
    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    gradients: tuple[tuple[float, float], ...]
    tangent_shares: tuple[Share, ...]
    principal_shares: tuple[Share, ...]
    energy: tuple[Share, ...]
    mean_gradient_norm: float
    normal_flip_share: Share
    settings: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def mean_tangent_share(self) -> float:
        """Mean over the test points."""
        return sum(self.tangent_shares) / len(self.tangent_shares)


@dataclasses.dataclass(frozen=True)
class PoisoningRecord:
    """Whether a model uses a small feature that tells the class.

    Tuples have an entry for each amplitude.

    Attributes:
        model: how the models are called.
        model_digest: SHA-256 of weights; "" for models that weren't kept.
        data: name of the image set.
        num_examples: how many test images were looked at.
        component: k of the direction v_k, counted from 1.
        standard_deviation: of the training images along v_k, sqrt(lambda_k).
        amplitudes: l2 length of the signal of the outermost classes.
        accuracy: on clean test images, of models trained with the signal.
        own_accuracy: on test images with the signal of their own class.
        follow_shares: of test images with the signal of another class, the
            share predicted as that one; mean over all other classes.
        gradient_shares: mean share of the squared loss gradient along v_k at
            clean test images.
        clean_accuracy, clean_gradient_share: of the model trained without.
        clean_follow_shares: of the model trained without, shown the same.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    component: int
    standard_deviation: float
    amplitudes: tuple[float, ...]
    accuracy: tuple[Share, ...]
    own_accuracy: tuple[Share, ...]
    follow_shares: tuple[Share, ...]
    gradient_shares: tuple[Share, ...]
    clean_accuracy: Share
    clean_gradient_share: Share
    clean_follow_shares: tuple[Share, ...]
    provenance: dict[str, Any]
