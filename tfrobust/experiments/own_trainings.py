"""Analyses that train models of their own."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import keras
import numpy as np

from tfrobust import analysis
from tfrobust import recipes
from tfrobust.attacks.pieces import Arrays
from tfrobust.attacks.pieces import piece
from tfrobust.data import ImageData
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analysis_parts import counting
from tfrobust.experiments.analysis_parts import origin_of
from tfrobust.experiments.components import training_components
from tfrobust.records import Record


def poisoning(config: AnalysisConfig) -> Record:
    """See `analysis.feature_poisoning`; of the data's usual network."""
    data = recipes.load_data(
        config.data, data_dir=config.data_dir, image_size=config.image_size
    )
    test = data.test.first(config.num_examples)
    components = training_components(data, config.num_components)
    component = config.component
    if component is None:
        few = int(np.searchsorted(components.energy, 0.99)) + 1
        component = min(few + 1, len(components.energy))

    def run(progress: Any) -> Record:
        return analysis.feature_poisoning(
            functools.partial(_fitted, config, data),
            (data.train.images(), data.train.y),
            (test.images(), test.y),
            components,
            component=component,
            amplitudes=config.amplitudes,
            progress=progress,
            model=recipes.data_defaults(data.name).architecture,
            data=data.name,
            provenance=origin_of(config),
        )

    return counting(
        config.analysis, 1 + len(config.amplitudes), "training", run
    )


def _fitted(
    config: AnalysisConfig, data: ImageData, x: np.ndarray, y: np.ndarray
) -> keras.Model:
    """Return the data's usual network, trained from the seed's start."""
    keras.utils.set_random_seed(config.seed)
    network = recipes.make_architecture(
        recipes.data_defaults(data.name).architecture,
        data.image_shape,
        data.num_classes,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, jit_compile=False)

    def trained() -> Arrays:
        network.fit(x, y, batch_size=128, epochs=config.epochs, verbose=0)
        weights = network.get_weights()
        return {str(index): array for index, array in enumerate(weights)}

    digest = hashlib.sha256(x.tobytes()).hexdigest()[:16]
    kept = piece(f"training {digest}", trained)
    network.set_weights([kept[str(index)] for index in range(len(kept))])
    return network


def _toy(manifold: analysis.Manifold, config: AnalysisConfig) -> Record:
    return analysis.leaking_toy(
        manifold,
        normal_noise=config.normal_noise,
        num_examples=config.num_examples,
        seed=config.seed,
        provenance=origin_of(config),
    )


def parabola(config: AnalysisConfig) -> Record:
    """See `analysis.leaking_toy` and `analysis.parabola`."""
    return _toy(analysis.parabola(), config)


def sine_surface(config: AnalysisConfig) -> Record:
    """See `analysis.leaking_toy` and `analysis.sine_surface`."""
    return _toy(analysis.sine_surface(), config)
