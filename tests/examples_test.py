"""The examples run and do what they say."""

import pathlib
import runpy

_EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


def test_harden_your_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(_EXAMPLES / "harden_your_model.py"))
    clean, robust = names["main"](epochs=12)
    # A standard model of this size stands at 20 % or less.
    assert clean > 0.93 and robust > 0.45
    assert f"robust {robust:.1%}" in capsys.readouterr().out
    assert {p.name for p in tmp_path.iterdir()} == {
        "hardened_classifier.keras",
        "hardened_defense.keras",
    }
