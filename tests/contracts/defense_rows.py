"""The defenses of the contract, and how its checks train them."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import defenses
from tfrobust import layers
from tfrobust import losses
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.attacks import UniformStart
from tfrobust.objectives import CrossEntropy
from tfrobust.objectives import Margin
from tfrobust.objectives import TrainingLoss
from tfrobust.penalties import GradientL1Norm
from tfrobust.penalties import SquaredGradientNorm
from tfrobust.threat_model import NormBall

ROWS = {
    "RobustModel": lambda c: defenses.RobustModel(c),
    "RobustModel-attack-penalty": lambda c: defenses.RobustModel(
        c,
        attack=PGD(NormBall(2, epsilon=0.5), num_steps=2),
        penalties=[GradientL1Norm(0.1), SquaredGradientNorm(0.1)],
        seed=3,
    ),
    "RobustModel-pca": lambda c: defenses.RobustModel(
        c, input_transform=_principal_subspace(c, num_noise_components=0)
    ),
    "RobustModel-noise": lambda c: defenses.RobustModel(
        c,
        input_transform=_principal_subspace(c, num_noise_components=2),
        attack=PGD(NormBall("inf", epsilon=0.1), num_steps=2),
    ),
    "InnerMaximization": lambda c: defenses.InnerMaximization(
        c, epsilon=0.5, norm=2, num_steps=2
    ),
    "AdversarialTraining": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.1, num_steps=3
    ),
    "AdversarialTraining-mixed": lambda c: defenses.AdversarialTraining(
        c, epsilon=0.1, num_steps=2, objective=Margin(), clean_weight=0.5
    ),
    "FGSMTraining": lambda c: defenses.FGSMTraining(c, epsilon=0.1),
    "FGSMTraining-fast": lambda c: defenses.FGSMTraining(
        c,
        epsilon=0.1,
        step_size=0.125,
        random_start=UniformStart(),
        clean_weight=0.0,
    ),
    "CorrelatedNoiseTraining": lambda c: defenses.CorrelatedNoiseTraining(
        c, stddev=0.2, decay_length=2.0
    ),
    "TRADES": lambda c: defenses.TRADES(c, epsilon=0.1, beta=2, num_steps=3),
    "TRADES-awp": lambda c: defenses.TRADES(
        c,
        epsilon=0.1,
        beta=2,
        num_steps=2,
        weight_perturbation=defenses.WeightPerturbation(0.1),
    ),
    "RobustModel-decay": lambda c: defenses.RobustModel(c, weight_decay=0.1),
    "GradientNorm": lambda c: defenses.GradientNorm(c, weight=0.5),
    "GradientNorm-attack": lambda c: defenses.GradientNorm(
        c,
        weight=0.5,
        attack=PGD(NormBall("inf", epsilon=0.1), num_steps=2),
        penalties=[GradientL1Norm(0.1)],
    ),
    "LFR": lambda c: defenses.LFR(c, epsilon=0.1, weight=0.5, num_steps=3),
    "LFR-loss": lambda c: defenses.LFR(
        c,
        epsilon=0.1,
        weight=0.5,
        num_steps=2,
        inner_objective=CrossEntropy(),
        random_start=UniformStart(),
    ),
    "FirstOrderL1": lambda c: defenses.FirstOrderL1(c, weight=0.5),
    "JacobianRegularization": lambda c: defenses.JacobianRegularization(
        c, weight=0.5
    ),
    "JacobianRegularization-attack": lambda c: defenses.JacobianRegularization(
        c,
        weight=0.1,
        norm=2,
        attack=PGD(NormBall("inf", epsilon=0.1), num_steps=2),
    ),
    "SGR-full": lambda c: _sgr(c, layers.FullCovariance),
    "SGR-function": lambda c: _sgr(c, _covariance_function, centered=True),
    "SGR-attack": lambda c: defenses.SGR(
        c,
        weight=0.5,
        covariance=layers.FullCovariance(c.input_shape[1:], decay=0.5),
        perturbation=defenses.AttackPerturbation(
            PGD(NormBall("inf", epsilon=0.1), num_steps=2)
        ),
        perturbation_label_source="predicted",
        attack=FGSM(NormBall("inf", epsilon=0.1)),
        label_source="predicted",
    ),
    "LLR": lambda c: defenses.LLR(c, epsilon=0.2, weight=1, num_steps=2),
    "MART": lambda c: defenses.MART(c, epsilon=0.1, num_steps=2),
    "MAT": lambda c: defenses.MAT(
        _max_mahalanobis(c), epsilon=0.2, alpha=0.5, num_steps=2
    ),
    "AdversarialTraining-mmc": lambda c: defenses.AdversarialTraining(
        _max_mahalanobis(c),
        epsilon=0.1,
        num_steps=2,
        objective=TrainingLoss(losses.MaxMahalanobis()),
    ),
}


def _principal_subspace(classifier, *, num_noise_components):
    x, _ = networks.batch(classifier, 40, seed=1)
    layer = layers.PrincipalSubspace(
        4, num_noise_components=num_noise_components, noise_scale=2.0, seed=3
    )
    layer.adapt(x)
    return layer


def _sgr(classifier, form, **arguments):
    return defenses.SGR(
        classifier,
        weight=0.5,
        covariance=form(
            classifier.input_shape[1:],
            decay=0.5,
            update_interval=2,
            **arguments,
        ),
    )


def _covariance_function(shape, **arguments):
    """Return the form for images; flat inputs have no displacements."""
    kind = layers.CovarianceFunction
    return (kind if len(shape) == 3 else layers.FullCovariance)(
        shape, **arguments
    )


def _max_mahalanobis(classifier):
    width = max(8, classifier.output_shape[-1])
    return layers.with_max_mahalanobis_head(
        classifier, width=width, center_norm=2.0
    )


LOSSES = {"AdversarialTraining-mmc": losses.MaxMahalanobis}

IMAGES_ONLY = {"CorrelatedNoiseTraining": "needs images"}

FIRST = {name.split("-")[0]: name for name in reversed(ROWS)}

every_defense = pytest.mark.parametrize("name", ROWS)
# Further rows take as long again, but these have state that replicas share.
_SHARED = {"SGR-full", "TRADES-awp", "RobustModel-noise", "RobustModel-decay"}
_QUICK = _SHARED.union(FIRST.values())
rows_of_replicas = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in _QUICK else pytest.mark.slow)
        for name in ROWS
    ],
)


def compiled(name, classifier=None, **compile_arguments):
    """Return a compiled row on a tiny network."""
    model = ROWS[name](classifier or networks.tiny_cnn())
    loss = LOSSES.get(name, networks.sparse_loss)()
    # SGD: Adam's first steps have one length whatever the gradient's.
    arguments = {"optimizer": keras.optimizers.SGD(0.5, momentum=0.9)}
    arguments |= {"loss": loss, "metrics": ["accuracy"]}
    model.compile(**arguments | compile_arguments)
    return model


def fit(model, x, y, **arguments):
    """Train an epoch in batches of 4; return the logs."""
    arguments = {"batch_size": 4, "shuffle": False, "verbose": 0} | arguments
    return model.fit(x, y, **arguments).history


def weights(model):
    """Return all weights of the classifier, shape (count,)."""
    return np.concatenate([w.ravel() for w in model.classifier.get_weights()])


@dataclasses.dataclass
class Trained:
    """A row before and after one epoch of batches of 4, 4 and a ragged 2."""

    model: Any
    x: np.ndarray
    y: np.ndarray
    start: list[np.ndarray]
    before: np.ndarray
    after: np.ndarray
    state: list[np.ndarray]
    history: dict[str, list[float]]


@functools.cache
def trained(name):
    """Return a row after an epoch in float64; trained once for all checks.

    The checks compare with `after`; `model` may have gone on since.
    """
    keras.utils.set_random_seed(0)
    model = compiled(name)
    x, y = networks.batch(model.classifier, 10)
    start, before = model.classifier.get_weights(), weights(model)
    history = fit(model, x, y)
    after, state = weights(model), model.get_weights()
    return Trained(model, x, y, start, before, after, state, history)
