"""What the bar of an evaluation says while an attack runs."""

import dataclasses

from tests import networks
from tfrobust.attacks import PGD
from tfrobust.attacks.working_set import GRADIENT
from tfrobust.attacks.working_set import tell
from tfrobust.experiments.attack_progress import AttackProgress
from tfrobust.threat_model import NormBall

_CLIMB = PGD(NormBall("inf", epsilon=0.01), num_steps=20)


def _shown(capsys):
    return capsys.readouterr().err.replace("\n", "\r").split("\r")


def _share_of(capsys, events):
    """Return the bar's share after a tenth and nine tenths of 400 steps."""
    tenth = dataclasses.replace(_CLIMB, num_steps=10)
    rest = dataclasses.replace(_CLIMB, num_steps=90)
    with AttackProgress(({"tenth": tenth, "rest": rest}, 4)) as bar:
        for event in events:
            if isinstance(event, int):
                tell(4, event, GRADIENT)  # of each of four examples
            else:
                bar(event, 4)
    last = [s for s in _shown(capsys) if s][-1]
    return last[: last.index("|")].split()[-1]


def test_it_is_named_after_the_attack_that_runs(capsys):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    with AttackProgress(
        ({"first": _CLIMB, "second": _CLIMB}, 5), label="tiny:"
    ) as bar:
        bar("first", 0)
        assert _shown(capsys) == [""]  # an error may come before it begins
        bar("first", 5)
        bar("second", 0)
        _CLIMB(model, x, y)
        (running,) = [s for s in _shown(capsys) if "5 standing" in s]
    assert running.startswith("tiny: second:")


def test_the_first_attack_has_its_name_from_its_first_step(capsys):
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 5)
    with AttackProgress(({"first": _CLIMB}, 5)) as bar:
        bar("first", 0)
        _CLIMB(model, x, y)
        shown = [s for s in _shown(capsys) if s]
    assert shown and all(s.startswith("first:") for s in shown)


def test_it_advances_by_steps_and_not_by_attacks(capsys):
    assert _share_of(capsys, [4, 6, "tenth"]) == "10%"
    # What has only begun does not count.
    assert _share_of(capsys, [10, "tenth", 30, 60]) == "40%"
    assert _share_of(capsys, [10, "tenth", 90, "rest"]) == "100%"


def test_what_fell_or_was_kept_is_off_the_total(capsys):
    assert _share_of(capsys, ["tenth", 45, 45]) == "50%"
    assert _share_of(capsys, [5, "tenth", 14, 81]) == "20%"  # 19 of 95
    assert _share_of(capsys, ["tenth", 1, "rest"]) == "100%"
