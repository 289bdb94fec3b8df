"""How each analysis of a saved model is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfrobust import analysis
from tfrobust import evaluation
from tfrobust import recipes
from tfrobust.attacks import GradientAttack
from tfrobust.classifier import as_classifier
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analysis_config import SECOND_AXES
from tfrobust.experiments.analysis_parts import counting
from tfrobust.experiments.analysis_parts import made_attacks
from tfrobust.experiments.analysis_parts import only_attack
from tfrobust.experiments.analysis_parts import Subject
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.experiments.components import training_components
from tfrobust.experiments.own_trainings import parabola
from tfrobust.experiments.own_trainings import poisoning
from tfrobust.experiments.own_trainings import sine_surface
from tfrobust.layers.features import FEATURES
from tfrobust.records import Record


def gradient_leaking(config: AnalysisConfig) -> Record:
    """See `analysis.gradient_leaking`."""
    subject, attacks = Subject(config), made_attacks(config)
    with AttackProgress((attacks, len(subject.test))) as bar:
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
    subject = Subject(config)
    size = math.prod(subject.data.image_shape)

    def run(progress: Any) -> Record:
        return analysis.curvature(
            *subject.examples,
            seed=config.seed,
            progress=progress,
            **subject.of,
        )

    return counting(
        config.analysis, analysis.num_products(size), "product", run
    )


def curvature_path(config: AnalysisConfig) -> Record:
    """See `analysis.curvature_along`."""
    subject, attack = Subject(config), only_attack(config)

    def run(progress: Any) -> Record:
        return analysis.curvature_along(
            *subject.examples,
            attack,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return counting(config.analysis, len(subject.test), "image", run)


def flatness(config: AnalysisConfig) -> Record:
    """See `analysis.local_flatness`."""
    subject = Subject(config)

    def run(progress: Any) -> Record:
        return analysis.local_flatness(
            *subject.examples,
            epsilon=config.reach or config.usual_radius,
            seed=config.seed,
            progress=progress,
            **subject.of,
        )

    return counting(config.analysis, 4 * len(subject.test), "image", run)


def features(config: AnalysisConfig) -> Record:
    """See `analysis.feature_analysis`."""
    subject, attacks = Subject(config), made_attacks(config)
    classifier, x, y = subject.examples
    if FEATURES not in {layer.name for layer in classifier.layers}:
        classifier = as_classifier(classifier)
    with AttackProgress((attacks, len(subject.test))) as bar:
        return analysis.feature_analysis(
            classifier,
            x,
            y,
            attacks,
            num_clusters=config.num_clusters,
            seed=config.seed,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def covariance(config: AnalysisConfig) -> Record:
    """See `analysis.perturbation_covariance`."""
    subject, attacks = Subject(config), made_attacks(config)
    with AttackProgress((attacks, len(subject.test))) as bar:
        return analysis.perturbation_covariance(
            *subject.examples,
            attacks,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def noise(config: AnalysisConfig) -> Record:
    """See `analysis.accuracy_under_noise`; radii up to twice the ball's."""
    subject = Subject(config)
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

    return counting(
        config.analysis, 3 * len(lengths) * len(subject.test), "image", run
    )


def examples(config: AnalysisConfig) -> Record:
    """See `analysis.softmax_path`.

    Last iterates of all steps on all images: labels can't leak to an attack
    that leaves wrong images alone.
    """
    subject = Subject(config)
    attack = only_attack(config, last_iterate=True)

    def run(progress: Any) -> Record:
        return analysis.softmax_path(
            *subject.examples,
            attack,
            batch_size=config.batch_size,
            progress=progress,
            **subject.of,
        )

    return counting(config.analysis, 2 * len(subject.test), "image", run)


def weight_surface(config: AnalysisConfig) -> Record:
    """See `analysis.weight_surface`."""
    subject = Subject(config)

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

    return counting(config.analysis, config.resolution**2, "point", run)


def radius(config: AnalysisConfig) -> Record:
    """See `evaluation.accuracy_against_epsilon`."""
    subject, attack = Subject(config), only_attack(config)
    epsilons = config.epsilons
    if not epsilons:
        epsilons = np.linspace(0.0, 2 * config.ball.epsilon, 9).tolist()
    images = len(subject.test) * len(epsilons)
    with AttackProgress(({"curve": attack}, images)) as bar:
        return evaluation.accuracy_against_epsilon(
            *subject.examples,
            attack,
            epsilons,
            batch_size=config.batch_size,
            progress=bar,
            **subject.of,
        )


def surface(config: AnalysisConfig) -> Record:
    """See `analysis.input_surface`; with paths of ten steps of attacks."""
    subject = Subject(config)
    split, index = subject.data.test, config.example
    if index >= len(split):
        raise ValueError(
            f"`example` must be below {len(split)}. Received: example={index}"
        )
    x, y = split.images(slice(index, index + 1))[0], int(split.y[index])
    reach = config.reach or config.usual_radius
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
        paths={
            name: analysis.trajectory(classifier, x, y, attack)
            for name, attack in _climbs(config, reach).items()
        },
        batch_size=config.batch_size,
        **subject.of,
        example=index,
    )


def _climbs(config: AnalysisConfig, reach: float) -> dict[str, GradientAttack]:
    """Return the attacks whose paths are drawn, in the ball that is seen."""
    ball = config.ball
    if config.epsilon is None and ball.norm == "inf":
        ball = ball.with_epsilon(reach)
    made = recipes.make_attacks(
        config.attack_list, ball, recipes.Budget(num_steps=10, seed=config.seed)
    )
    climbs = {n: a for n, a in made.items() if isinstance(a, GradientAttack)}
    if len(climbs) < len(made):
        raise ValueError(
            "A surface shows the paths of attacks that climb, such as bim. "
            f"Received: attacks={','.join(made)}"
        )
    return climbs


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
    "radius": radius,
    "poisoning": poisoning,
    "parabola": parabola,
    "sine_surface": sine_surface,
}
