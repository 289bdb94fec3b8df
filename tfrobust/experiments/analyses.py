"""How each analysis of a saved model is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tqdm

from tfrobust import analysis
from tfrobust import recipes
from tfrobust.attacks import Attack
from tfrobust.attacks import BIM
from tfrobust.evaluation import weights_digest
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analysis_config import SECOND_AXES
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.components import training_components
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.provenance import provenance
from tfrobust.records import plain
from tfrobust.records import Record
from tfrobust.threat_model import NormBall


class _Subject:
    """A model, its images, and what a record says of both."""

    def __init__(self, config: AnalysisConfig) -> None:
        self.classifier = load_classifier(config.model)
        self.data = recipes.load_data(
            config.data, data_dir=config.data_dir, image_size=config.image_size
        )
        self.test = self.data.test.first(config.num_examples)
        settings = {"configuration": plain(config), **provenance(config.seed)}
        self.of: dict[str, Any] = {
            "model": config.model,
            "model_digest": weights_digest(self.classifier),
            "data": self.data.name,
            "provenance": settings,
        }

    @property
    def examples(self) -> tuple[keras.Model, np.ndarray, np.ndarray]:
        """Classifier, images, labels."""
        return self.classifier, self.test.images(), self.test.y


def _attacks(
    config: AnalysisConfig, *, last_iterate: bool = False
) -> dict[str, Attack]:
    budget = recipes.Budget(seed=config.seed, last_iterate=last_iterate)
    return recipes.make_attacks(config.attack_list, config.ball, budget)


def _only_attack(config: AnalysisConfig, **budget: Any) -> Attack:
    """Return the one attack that is asked for, or raise."""
    made = _attacks(config, **budget)
    if len(made) != 1:
        raise ValueError(
            f"{config.analysis} takes one attack. "
            f"Received: attacks={','.join(made)}"
        )
    return next(iter(made.values()))


def _counting(total: int, unit: str, call: Callable[..., Record]) -> Record:
    """Return `call(progress=...)` under a bar of so many units."""
    with tqdm.tqdm(total=total, unit=unit, mininterval=1.0) as bar:
        return call(progress=bar.update)


def gradient_leaking(config: AnalysisConfig) -> Record:
    """See `analysis.gradient_leaking`."""
    subject, attacks = _Subject(config), _attacks(config)
    with AttackProgress(len(subject.test) * len(attacks)) as bar:
        return analysis.gradient_leaking(
            *subject.examples,
            training_components(subject.data, config.num_components),
            attacks,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def curvature(config: AnalysisConfig) -> Record:
    """See `analysis.curvature`."""
    subject = _Subject(config)
    size = math.prod(subject.data.image_shape)

    def run(progress: Any) -> Record:
        return analysis.curvature(
            *subject.examples,
            seed=config.seed,
            progress=progress,
            **subject.of,
        )

    return _counting(analysis.num_products(size), "product", run)


def curvature_path(config: AnalysisConfig) -> Record:
    """See `analysis.curvature_along`."""
    subject, attack = _Subject(config), _only_attack(config)

    def run(progress: Any) -> Record:
        return analysis.curvature_along(
            *subject.examples,
            attack,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return _counting(len(subject.test), "image", run)


def flatness(config: AnalysisConfig) -> Record:
    """See `analysis.local_flatness`."""
    subject = _Subject(config)

    def run(progress: Any) -> Record:
        return analysis.local_flatness(
            *subject.examples,
            epsilon=config.reach or config.usual_radius,
            seed=config.seed,
            progress=progress,
            **subject.of,
        )

    return _counting(4 * len(subject.test), "image", run)


def features(config: AnalysisConfig) -> Record:
    """See `analysis.feature_analysis`."""
    subject, attacks = _Subject(config), _attacks(config)
    with AttackProgress(len(subject.test) * len(attacks)) as bar:
        return analysis.feature_analysis(
            *subject.examples,
            attacks,
            num_clusters=config.num_clusters,
            seed=config.seed,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def covariance(config: AnalysisConfig) -> Record:
    """See `analysis.perturbation_covariance`."""
    subject, attacks = _Subject(config), _attacks(config)
    with AttackProgress(len(subject.test) * len(attacks)) as bar:
        return analysis.perturbation_covariance(
            *subject.examples,
            attacks,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def noise(config: AnalysisConfig) -> Record:
    """See `analysis.accuracy_under_noise`; radii up to twice the ball's."""
    subject = _Subject(config)
    radius, lengths = config.ball.epsilon, config.decay_lengths

    def run(progress: Any) -> Record:
        return analysis.accuracy_under_noise(
            *subject.examples,
            epsilons=[radius / 2, radius, 2 * radius],
            decay_lengths=lengths,
            norm=config.ball.norm,
            seed=config.seed,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return _counting(3 * len(lengths) * len(subject.test), "image", run)


def examples(config: AnalysisConfig) -> Record:
    """See `analysis.softmax_path`.

    Last iterates of all steps on all images: labels can't leak to an attack
    that leaves wrong images alone.
    """
    subject = _Subject(config)
    attack = _only_attack(config, last_iterate=True)

    def run(progress: Any) -> Record:
        return analysis.softmax_path(
            *subject.examples,
            attack,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return _counting(2 * len(subject.test), "image", run)


def weight_surface(config: AnalysisConfig) -> Record:
    """See `analysis.weight_surface`."""
    subject = _Subject(config)

    def run(progress: Any) -> Record:
        return analysis.weight_surface(
            *subject.examples,
            resolution=config.resolution,
            reach=config.reach or 1.0,
            seed=config.seed,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return _counting(config.resolution**2, "point", run)


def surface(config: AnalysisConfig) -> Record:
    """See `analysis.input_surface`; with the path of ten steps of BIM."""
    subject = _Subject(config)
    split, index = subject.data.test, config.example
    if index >= len(split):
        raise ValueError(
            f"`example` must be below {len(split)}. Received: example={index}"
        )
    x, y = split.images(slice(index, index + 1))[0], int(split.y[index])
    reach = config.reach or config.usual_radius
    attack = BIM(NormBall("inf", epsilon=reach), num_steps=10)
    classifier = subject.classifier
    second = _SECOND_AXES[config.second_axis](classifier, x, y, config.seed)
    return analysis.input_surface(
        classifier,
        x,
        y,
        {
            "loss gradient's signs": analysis.loss_axis(classifier, x, y),
            config.second_axis: second,
        },
        reach=reach,
        resolution=config.resolution,
        paths={"BIM-10": analysis.trajectory(classifier, x, y, attack)},
        batch_size=config.batch_size,
        **subject.of,
        example=index,
    )


_SECOND_AXES: dict[str, Callable[..., np.ndarray]] = dict(
    zip(
        SECOND_AXES,
        (
            lambda _, x, __, seed: analysis.random_axis(x.shape, seed),
            lambda c, x, y, _: analysis.least_likely_axis(c, x, y),
        ),
        strict=True,
    )
)

ANALYSES: dict[str, Callable[[AnalysisConfig], Record]] = {
    "gradient_leaking": gradient_leaking,
    "surface": surface,
    "weight_surface": weight_surface,
    "curvature": curvature,
    "curvature_path": curvature_path,
    "flatness": flatness,
    "features": features,
    "covariance": covariance,
    "noise": noise,
    "examples": examples,
}
