"""Whose images a tool takes where --data doesn't say."""

import types

import pytest

from tests.tools.tools_test import _run
from tfrobust import experiments
from tools import analyze
from tools import evaluate
from tools import transfer

_OF_MNIST = "zoo:mnist-smallcnn-trades"
_CALLS = {
    "analyze": (analyze, "--analysis=noise", "--model"),
    "evaluate": (evaluate, "--attacks=fgsm", "--model"),
    "transfer": (transfer, "--attacks=fgsm", "--models"),
}


@pytest.mark.parametrize(
    "given, wanted",
    [
        ((f"{_OF_MNIST},a.keras",), "mnist"),
        (("a.keras,b.keras",), "digits"),
        ((f"{_OF_MNIST},a.keras", "--data=cifar10"), "cifar10"),
    ],
)
@pytest.mark.parametrize("name", _CALLS)
def test_a_zoos_model_tells_its_own(name, given, wanted, tmp_path, monkeypatch):
    tool, flag, models = _CALLS[name]
    found = []

    def keep(config, *_, **__):
        found.append(config.data)
        return types.SimpleNamespace(masking=())

    monkeypatch.setattr(experiments, name, keep)
    several, *rest = given
    model = several if name == "transfer" else several.split(",")[0]
    where = f"--output_dir={tmp_path / 'run'}"
    assert _run(tool, flag, f"{models}={model}", where, *rest) == 0
    assert found == [wanted]
