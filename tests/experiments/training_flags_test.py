"""A training's flags make that training."""

import types

import pytest

from tests.tools.tools_test import _run
from tfrobust import experiments
from tfrobust import recipes
from tfrobust.experiments.training_flags import flag_lines
from tools import train

_ASCENT = {"epsilon": 0.2, "norm": 2, "num_steps": 3, "step_size": 0.05}
_CONFIGS = {
    "much": {
        "image_size": (10, 12),
        "architecture": "wide_resnet",
        "depth": 10,
        "width": 2,
        "dropout": 0.25,
        "standardize": True,
        "augment": True,
        "constant_epochs": 1,
        "leaking_components": (3, 5),
        "validation_seed": 7,
        "clean_floor": 0.5,
    },
    "predicted labels": {
        "defense": "adversarial_training",
        "settings": {**_ASCENT, "label_source": "predicted"},
        "epsilon": 0.2,
        "norm": 2,
    },
    "added": {
        "defense": "sgr",
        "settings": {
            "weight": 0.3,
            "perturbation_label_source": "true",
            "num_components": 20,
        },
    },
}


@pytest.mark.parametrize("changes", _CONFIGS.values(), ids=_CONFIGS)
def test_they_are_read_as_what_they_were_written_of(
    changes, tmp_path, monkeypatch
):
    read = []

    def keep(config, *_, **__):
        read.append(config)
        return types.SimpleNamespace(checkpoints={})

    monkeypatch.setattr(experiments, "train", keep)
    config = experiments.TrainingConfig("mnist", **changes)
    flags = [f"--output_dir={tmp_path}", *flag_lines(config)]
    assert _run(train, *flags) == 0
    assert read == [config]


def test_every_setting_of_a_defense_has_a_flag():
    missing = {
        name: [s for s in taken if s not in train.FLAGS.values]
        for name in recipes.DEFENSES
        if (taken := recipes.defense_settings(name))
    }
    assert not {name: flags for name, flags in missing.items() if flags}
