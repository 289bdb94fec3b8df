"""Settings that several papers share, at each scale."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.experiments.papers.looks import Added
from tfrobust.experiments.papers.tables import Column
from tfrobust.experiments.papers.tables import Look
from tfrobust.experiments.papers.tables import Setting
from tfrobust.records import EvaluationRecord

ADDED = "added"
ADDED_LOOKS: dict[str, Look] = {ADDED: Added()}
_STRONG: dict[str, Any] = {
    "attacks": ("adaptive", "autoattack"),
    "masking_examples": 200,
}


def _under(name: str) -> Any:
    def read(record: EvaluationRecord) -> float | None:
        for attack in record.attacks:
            if attack.name.startswith(name):
                return 100 * attack.robust_accuracy
        return None

    return read


# What the papers' tables lack.
ADDED_COLUMNS = (
    Column("adaptive", ADDED, _under("adaptive")),
    Column("AutoAttack", ADDED, _under("autoattack")),
)
SMOKE = Setting(
    training={
        "data": "digits",
        "architecture": "dense_network",
        "epochs": 1,
        "validation_examples": 0,
    },
    epsilon=0.15,
    num_steps=2,
    num_examples=20,
    added={
        "attacks": ("adaptive",),
        "num_steps": 2,
        "num_examples": 20,
        "masking_examples": 0,
    },
)
# Zhang et al.'s network and budget, which Xu et al. take over. The rate falls
# linearly from epoch 90 on; theirs to a tenth (Xu et al.'s script).
MNIST_PAPER = Setting(
    training={
        "data": "mnist",
        "architecture": "small_cnn",
        "dropout": 0.0,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "epochs": 100,
        "constant_epochs": 90,
    },
    epsilon=0.3,
    num_steps=40,
    step_size=0.01,
    num_examples=None,
    added=_STRONG,
)
MNIST_CPU = Setting(
    training={
        "data": "mnist",
        "architecture": "small_cnn",
        "dropout": 0.0,
        "epochs": 4,
        "constant_epochs": 2,
    },
    epsilon=0.3,
    num_steps=7,
    num_examples=1000,
    added=_STRONG | {"num_examples": 500},
)
CIFAR10_PAPER = Setting(
    training={
        "data": "cifar10",
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "epochs": 200,
        "constant_epochs": 100,
        "augment": True,
    },
    epsilon=8 / 255,
    num_steps=10,
    step_size=2 / 255,
    num_examples=None,
    added=_STRONG,
)
CIFAR10_CPU = Setting(
    training={
        "data": "cifar10",
        "architecture": "nine_layer_cnn",
        "width": 32,
        "epochs": 5,
        "constant_epochs": 2,
        "augment": True,
    },
    epsilon=8 / 255,
    num_steps=3,
    num_examples=500,
    added=_STRONG | {"num_examples": 200},
    note=(
        "The copy of CIFAR-10 that this project's records are of was encoded "
        "as JPEG (quality 75, 4:2:0), which takes high frequencies away: "
        "compare its rows with each other and not with the paper's, and "
        "train all of them where the copy is another."
    ),
)


def changed(setting: Setting, **changes: Any) -> Setting:
    """Return a setting with other trainings or attacks.

    Args:
        setting: to begin with.
        **changes: fields; `training` is added to what is there.
    """
    training = {**setting.training, **changes.pop("training", {})}
    return dataclasses.replace(setting, training=training, **changes)
