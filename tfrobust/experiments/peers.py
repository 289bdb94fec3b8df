"""The same attacks by other libraries, where they are installed.

Foolbox 3.3.4, CleverHans 4.0.0 and ART 1.20.1 on the same model, images and
budget; see requirements-peers.txt. Each call returns adversarial points.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust import attacks
from tfrobust.attacks import Attack

Peer = Callable[[], np.ndarray]


def peer_calls(
    attack: Attack,
    classifier: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    batch_size: int,
) -> dict[str, Peer]:
    """Return library -> a call that does what `attack` does, as far as it can.

    Args:
        attack: whose settings are handed on.
        classifier: a Keras model from images to logits.
        x, y: images and labels; all are attacked, as the libraries do.
        batch_size: examples attacked at a time.
    """
    found = {}
    for library, make in _LIBRARIES.items():
        if importlib.util.find_spec(library) is None:
            continue
        run = make(attack, classifier)
        if run is not None:
            found[library] = _in_batches(run, x, y, batch_size)
    return found


def _in_batches(
    run: Callable[[np.ndarray, np.ndarray], Any],
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
) -> Peer:
    def call() -> np.ndarray:
        starts = range(0, len(x), batch_size)
        parts = [slice(s, s + batch_size) for s in starts]
        return np.concatenate([np.asarray(run(x[p], y[p])) for p in parts])

    return call


def _foolbox(attack: Attack, classifier: keras.Model) -> Any:
    import foolbox

    ball = attack.threat_model
    made = _foolbox_attack(foolbox.attacks, attack)
    if made is None:
        return None
    model = foolbox.TensorFlowModel(classifier, bounds=ball.bounds)
    fixed = isinstance(attack, attacks.GradientAttack)
    epsilons = ball.epsilon if fixed else None

    def run(x: np.ndarray, y: np.ndarray) -> Any:
        tensors = tf.constant(x), tf.constant(y, tf.int32)
        points = made(model, *tensors, epsilons=epsilons)[1].numpy()
        # Where its C&W finds nothing it returns a black image, which most
        # classifiers get wrong: nothing found is the image itself.
        nothing = ~points.reshape(len(points), -1).any(axis=1)
        points[nothing] = x[nothing]
        return points

    return run


def _foolbox_attack(known: Any, attack: Attack) -> Any:
    """Return Foolbox's attack of the same settings, or `None`."""
    norm = attack.threat_model.norm
    if isinstance(attack, attacks.DDN) and attack.levels is None:
        return known.DDNAttack(
            init_epsilon=attack.initial_radius,
            steps=attack.num_steps,
            gamma=attack.gamma,
        )
    if isinstance(attack, attacks.CarliniWagner):
        return known.L2CarliniWagnerAttack(
            binary_search_steps=attack.num_searches,
            steps=attack.max_iterations,
            stepsize=attack.learning_rate,
            confidence=attack.kappa,
            initial_const=attack.initial_constant,
        )
    if isinstance(attack, attacks.DeepFool):
        kinds = {2: known.L2DeepFoolAttack, "inf": known.LinfDeepFoolAttack}
        return kinds[norm](
            steps=attack.num_steps,
            candidates=attack.num_candidates,
            overshoot=attack.overshoot,
        )
    if isinstance(attack, attacks.FMN):
        kinds = {2: known.L2FMNAttack, "inf": known.LInfFMNAttack}
        return kinds[norm](steps=attack.num_steps)
    if isinstance(attack, attacks.PGD) and _is_plain_pgd(attack):
        kinds = {2: known.L2PGD, "inf": known.LinfPGD}
        return kinds[norm](
            abs_stepsize=attack.step_length,
            steps=attack.num_steps,
            random_start=True,
        )
    return None


def _cleverhans(attack: Attack, classifier: keras.Model) -> Any:
    if not _is_plain_pgd(attack):
        return None
    from cleverhans.tf2.attacks import projected_gradient_descent as module

    ball = attack.threat_model
    low, high = ball.bounds  # type: ignore[misc]
    orders = {2: 2, "inf": np.inf}

    def run(x: np.ndarray, y: np.ndarray) -> Any:
        return module.projected_gradient_descent(
            classifier,
            tf.constant(x),
            ball.epsilon,
            attack.step_length,  # type: ignore[attr-defined]
            attack.num_steps,  # type: ignore[attr-defined]
            orders[ball.norm],
            clip_min=low,
            clip_max=high,
            y=tf.constant(y),
            rand_init=True,
            sanity_checks=False,
        )

    return run


def _art(attack: Attack, classifier: keras.Model) -> Any:
    if not _is_plain_pgd(attack):
        return None
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    ball = attack.threat_model
    estimator = TensorFlowV2Classifier(
        classifier,
        nb_classes=classifier.output_shape[-1],
        input_shape=classifier.input_shape[1:],
        loss_object=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True
        ),
        clip_values=ball.bounds,
    )
    made = ProjectedGradientDescentTensorFlowV2(
        estimator,
        norm=ball.norm,
        eps=ball.epsilon,
        eps_step=attack.step_length,  # type: ignore[attr-defined]
        max_iter=attack.num_steps,  # type: ignore[attr-defined]
        num_random_init=1,
        batch_size=10**6,  # the batches are made here
        verbose=False,
    )
    return made.generate


def _is_plain_pgd(attack: Attack) -> bool:
    """Say whether other libraries' PGD can do the same."""
    return (
        type(attack) is attacks.PGD
        and attack.num_restarts == 1
        and attack.objective == attacks.PGD(attack.threat_model).objective
        and attack.threat_model.norm != 1
    )


_LIBRARIES: dict[str, Callable[[Attack, keras.Model], Any]] = {
    "foolbox": _foolbox,
    "cleverhans": _cleverhans,
    "art": _art,
}
