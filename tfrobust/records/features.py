"""What was seen of a model's features."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any


@dataclasses.dataclass(frozen=True)
class FeatureRecord:
    """How features cluster, on clean images and on adversarial points.

    Of each attack all points count, those too that it couldn't break and
    those that it left alone because they were wrong before. Dicts have an
    entry "clean" and one for each attack, unless said otherwise.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        labels: true class of each image.
        cluster_classes: the commonest predicted class of each cluster of
            clean features.
        predictions: predicted class of each point.
        nearest_classes: class of the cluster nearest to each point.
        cosines: of each point's features and the centre of the predicted
            class; `None` for a model without centres.
        perplexity: of the embeddings by t-SNE.
        clean_embedding: attack -> plane coordinates of the first images'
            features, embedded together with that attack's points.
        adversarial_embedding: attack -> those of the attack's points.
        settings: attack -> its budget.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    labels: tuple[int, ...]
    cluster_classes: tuple[int, ...]
    predictions: dict[str, tuple[int, ...]]
    nearest_classes: dict[str, tuple[int, ...]]
    cosines: dict[str, tuple[float, ...]] | None
    perplexity: float
    clean_embedding: dict[str, tuple[tuple[float, float], ...]]
    adversarial_embedding: dict[str, tuple[tuple[float, float], ...]]
    settings: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def num_clusters(self) -> int:
        """How many clusters the clean features were put into."""
        return len(self.cluster_classes)

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of points predicted as their label."""
        return {
            name: _share_equal(predictions, self.labels)
            for name, predictions in self.predictions.items()
        }

    @property
    def match_rates(self) -> dict[str, float]:
        """Share of points whose nearest cluster has the predicted class."""
        return {
            name: _share_equal(predictions, self.nearest_classes[name])
            for name, predictions in self.predictions.items()
        }

    @property
    def wrong_match_rates(self) -> dict[str, float | None]:
        """The same of wrongly predicted points; `None` where none is."""
        rates: dict[str, float | None] = {}
        for name, predictions in self.predictions.items():
            rows = zip(
                predictions,
                self.nearest_classes[name],
                self.labels,
                strict=True,
            )
            matches = [p == nearest for p, nearest, y in rows if p != y]
            rates[name] = statistics.fmean(matches) if matches else None
        return rates

    @property
    def cosine_statistics(self) -> dict[str, tuple[float, float]] | None:
        """Mean and standard deviation of the cosines over the points."""
        if self.cosines is None:
            return None
        return {
            name: (statistics.fmean(values), statistics.pstdev(values))
            for name, values in self.cosines.items()
        }


def _share_equal(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    return statistics.fmean(p == q for p, q in zip(a, b, strict=True))
