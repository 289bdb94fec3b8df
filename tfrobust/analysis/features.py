"""How features cluster: match rate, cosine to a centre, t-SNE.

Manifold-aware training: increase adversarial robustness with feature
clustering, 2020, table 1, table 5 and figure 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_positive
from tfrobust.attacks import Attack
from tfrobust.attacks.base import predict_logits
from tfrobust.attacks.compilation import compiled
from tfrobust.attacks.pieces import attacked
from tfrobust.attacks.pieces import check_attacks
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels
from tfrobust.layers import MaxMahalanobisHead
from tfrobust.layers import with_features
from tfrobust.records.features import FeatureRecord
from tfrobust.serialization import describe

CLEAN = "clean"


def feature_analysis(
    classifier: keras.Model,
    x: Any,
    y: Any,
    attacks: Mapping[str, Attack],
    *,
    num_clusters: int | None = None,
    num_embedded: int = 500,
    perplexity: float = 30.0,
    seed: int = 0,
    batch_size: int = 250,
    progress: Callable[[str, int], None] | None = None,
    model: str = "",
    model_digest: str = "",
    data: str = "",
    provenance: dict[str, Any] | None = None,
) -> FeatureRecord:
    """Return where features of clean and adversarial images lie.

    The match rate (table 1) is the share of points whose nearest cluster of
    clean features has the predicted class; the cosine (table 5) is that of
    features and the predicted class's centre, where the model has centres;
    the embedding (figure 1) is t-SNE's, of clean and adversarial features
    together.

    Args:
        classifier: a functional Keras model from images to logits with a
            layer "features".
        x: images, shape (batch, ...), floats in [0, 1].
        y: integer labels, shape (batch,).
        attacks: name -> attack; at least one, none called "clean".
        num_clusters: default the number of classes (ours: the paper's is
            lost).
        num_embedded: so many of the first images, and their adversarial
            points, are embedded; default 500.
        perplexity: t-SNE's, positive; default 30, and at most a third of
            the other points.
        seed: of t-SNE.
        batch_size: examples at a time; default 250.
        progress: called with (attack name, examples done).
        model, model_digest, data, provenance: what the record says of them.

    Raises:
        ValueError: for fewer images than clusters, fewer than two, or a
            model without a layer "features".
    """
    check_attacks(attacks)
    _check_names(attacks)
    check_integer("num_embedded", num_embedded, minimum=1)
    check_integer("batch_size", batch_size, minimum=1)
    check_positive("perplexity", perplexity)
    x = check_images(x)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    num_clusters = classes if num_clusters is None else num_clusters
    _check_clusters(num_clusters, len(x))

    found = {CLEAN: features_of(classifier, x, batch_size=batch_size)}
    for name, attack in attacks.items():
        x_adv = attacked(
            name,
            attack,
            classifier,
            x,
            y,
            batch_size=batch_size,
            progress=_named(progress, name),
        ).x_adv
        found[name] = features_of(classifier, x_adv, batch_size=batch_size)
    clusters = ward_clusters(*found[CLEAN], num_clusters)
    first = min(num_embedded, len(x))
    perplexity = min(perplexity, (2 * first - 1) / 3)
    places = {
        name: embed_features(
            np.concatenate([found[CLEAN][0][:first], found[name][0][:first]]),
            perplexity=perplexity,
            seed=seed,
        )
        for name in attacks
    }
    return FeatureRecord(
        model=model,
        model_digest=model_digest,
        data=data,
        num_examples=len(x),
        labels=tuple(y.tolist()),
        cluster_classes=tuple(clusters.classes.tolist()),
        predictions={n: tuple(p.tolist()) for n, (_, p) in found.items()},
        nearest_classes={
            name: tuple(clusters.nearest_classes(features).tolist())
            for name, (features, _) in found.items()
        },
        cosines=_cosines(classifier, found),
        perplexity=float(perplexity),
        clean_embedding={n: _pairs(p[:first]) for n, p in places.items()},
        adversarial_embedding={n: _pairs(p[first:]) for n, p in places.items()},
        settings={n: describe(attack) for n, attack in attacks.items()},
        provenance=provenance or {},
    )


def features_of(
    classifier: keras.Model, x: np.ndarray, *, batch_size: int = 250
) -> tuple[np.ndarray, np.ndarray]:
    """Return features and predicted classes, of one pass.

    Args:
        classifier: a functional Keras model with a layer "features".
        x: images, shape (batch, ...).
        batch_size: images at a time; default 250.

    Returns:
        Features, float64, shape (batch, width); classes, shape (batch,).
    """
    spec = tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype))

    def build(model: Any) -> Callable:
        both = with_features(model)

        def forward(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            features, logits = both(x, training=False)
            classes = tf.argmax(tf.cast(logits, spec.dtype), axis=1)
            return tf.cast(features, spec.dtype), classes

        return forward

    run = compiled(classifier, ("features", spec), build, [spec])
    batches = [
        run(tf.constant(x[start : start + batch_size]))
        for start in range(0, len(x), batch_size)
    ]
    features, classes = (
        np.concatenate(parts) for parts in zip(*batches, strict=True)
    )
    return features.reshape(len(x), -1).astype("float64"), classes


@dataclasses.dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of features, each with a class.

    Attributes:
        centers: means of the members, shape (clusters, width).
        classes: commonest predicted class of the members, (clusters,).
    """

    centers: np.ndarray
    classes: np.ndarray

    def nearest_classes(self, features: np.ndarray) -> np.ndarray:
        """Return dom(C(x)): the class of the nearest centre, (batch,)."""
        distances = [
            np.square(features - center).sum(1) for center in self.centers
        ]
        return self.classes[np.argmin(distances, axis=0)]


def ward_clusters(
    features: np.ndarray, predictions: np.ndarray, num_clusters: int
) -> Clusters:
    """Return Ward's clusters of features and their dominant classes.

    Of equally common classes the lowest is dominant.

    Args:
        features: shape (batch, width), at least two rows.
        predictions: predicted classes, shape (batch,).
        num_clusters: at most as many as rows.

    Example:

    >>> features = np.array([[0.0], [1.0], [9.0]])
    >>> clusters = ward_clusters(features, np.array([4, 4, 2]), 2)
    >>> clusters.nearest_classes(np.array([[3.0], [6.0]])).tolist()
    [4, 2]
    """
    from sklearn.cluster import AgglomerativeClustering

    ward = AgglomerativeClustering(num_clusters, linkage="ward")
    members = ward.fit_predict(features)
    inside = [members == k for k in range(num_clusters)]
    return Clusters(
        centers=np.stack([features[rows].mean(0) for rows in inside]),
        classes=np.array(
            [np.bincount(predictions[rows]).argmax() for rows in inside]
        ),
    )


def center_cosines(
    classifier: keras.Model, features: np.ndarray, predictions: np.ndarray
) -> np.ndarray:
    """Return cos(phi, mu) of the predicted class, shape (batch,), float64.

    Zero where the features are all zero, as in MAT's loss.

    Args:
        classifier: one that ends in `MaxMahalanobisHead`.
        features: shape (batch, width).
        predictions: predicted classes, shape (batch,).

    Raises:
        ValueError: for a model without centres.
    """
    head = classifier.layers[-1]
    if not isinstance(head, MaxMahalanobisHead):
        raise ValueError(
            "`classifier` has no centres; one that ends in MaxMahalanobisHead "
            f"has. Received: last layer {head.name!r} ({type(head).__name__})"
        )
    centers = keras.ops.convert_to_numpy(head.centers).astype("float64")
    own = centers[predictions]
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(own, axis=1)
    products = np.sum(features * own, axis=1)
    return products / np.where(lengths > 0, lengths, 1.0)


def embed_features(
    features: np.ndarray, *, perplexity: float = 30.0, seed: int = 0
) -> np.ndarray:
    """Return t-SNE's places on a plane, shape (batch, 2), the same each time.

    Van der Maaten and Hinton, 2008, begun at the principal components.

    Args:
        features: shape (batch, width).
        perplexity: below the number of rows; default 30.
        seed: of the components' search; default 0.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    spread = np.ptp(features, axis=0).max()
    if spread == 0:  # one place has no direction
        return np.zeros((len(features), 2))
    # Distances are float32 inside; their unit is of no importance.
    features = (features - features.mean(axis=0)) / spread
    # One feature has one principal component, and the start needs two.
    features = np.pad(features, [(0, 0), (0, max(0, 2 - features.shape[1]))])
    tsne = TSNE(2, init="pca", perplexity=perplexity, random_state=seed)
    # Its threads wait spinning: on a busy machine two take 15 times as long.
    with threadpool_limits(limits=1):
        return tsne.fit_transform(features)


def _check_names(attacks: Mapping[str, Attack]) -> None:
    if not attacks or CLEAN in attacks:
        raise ValueError(
            f"`attacks` must name at least one attack, and none {CLEAN!r}. "
            f"Received: {list(attacks)}"
        )


def _check_clusters(num_clusters: int, num_examples: int) -> None:
    check_integer("num_clusters", num_clusters, minimum=1)
    if num_examples < max(2, num_clusters):
        raise ValueError(
            f"{num_clusters} clusters need {max(2, num_clusters)} images or "
            f"more. Received: {num_examples} images"
        )


def _cosines(
    classifier: keras.Model, found: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, tuple[float, ...]] | None:
    """Return name -> `center_cosines`, of a model that has centres."""
    if not isinstance(classifier.layers[-1], MaxMahalanobisHead):
        return None
    return {
        name: tuple(center_cosines(classifier, *both).tolist())
        for name, both in found.items()
    }


def _named(
    progress: Callable[[str, int], None] | None, name: str
) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(name, done)


def _pairs(places: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((a, b) for a, b in places.tolist())
