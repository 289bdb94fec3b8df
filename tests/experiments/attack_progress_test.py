"""What the bar of an evaluation says while an attack runs."""

from tests import networks
from tfrobust.attacks import PGD
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.threat_model import NormBall


def _shown(capsys):
    return capsys.readouterr().err.replace("\n", "\r").split("\r")


def test_it_is_named_after_the_attack_that_runs(capsys):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    with AttackProgress(10, "tiny:") as bar:
        bar("first", 0)
        assert _shown(capsys) == [""]  # an error may come before it begins
        bar("first", 5)
        bar("second", 0)
        PGD(NormBall("inf", epsilon=0.01), num_steps=20)(model, x, y)
        (running,) = [s for s in _shown(capsys) if "5 standing" in s]
    assert running.startswith("tiny: second:") and " 5/10 " in running


def test_the_first_attack_has_its_name_from_its_first_step(capsys):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    with AttackProgress(5) as bar:
        bar("first", 0)
        PGD(NormBall("inf", epsilon=0.01), num_steps=20)(model, x, y)
        shown = [s for s in _shown(capsys) if s]
    assert shown and all(s.startswith("first:") for s in shown)
