"""Every analysis, from a configuration to record, table and pictures."""

import dataclasses
import json
import math
import shutil

import keras
import pytest

from tests import networks
from tests.records_test import evaluation
from tests.records_test import ROWS
from tfrobust import experiments
from tfrobust import recipes
from tfrobust import reports
from tfrobust.experiments.analysis_config import SETTINGS
from tfrobust.experiments.analysis_config import WITHOUT_MODEL
from tfrobust.experiments.kept_pieces import KeptPieces
from tfrobust.records import plain
from tfrobust.records import read_record
from tfrobust.records import write_record

_SMALL = {
    "gradient_leaking": {
        "num_components": 8,
        "attacks": ("fgsm",),
        "epsilon": 1.0,
    },
    "surface": {"resolution": 3},
    "weight_surface": {"resolution": 3},
    "noise": {"decay_lengths": (1.0, 4.0)},
    "features": {"attacks": ("fgsm", "bim")},
    "covariance": {"attacks": ("fgsm",)},
    "radius": {"attacks": ("fgsm",), "epsilons": (0.0, 0.1)},
    "poisoning": {"amplitudes": (0.5,), "epochs": 1},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.keras"
    data = recipes.load_data("digits").train
    network = recipes.make_architecture("dense_network", (8, 8, 1), 10)
    network.compile("adam", networks.sparse_loss(), jit_compile=False)
    network.fit(data.images(), data.y, epochs=8, verbose=0)
    network.save(path)
    return path


def _config(model, name, **changes):
    settings = {"num_examples": 24} | _SMALL.get(name, {})
    path = "" if name in WITHOUT_MODEL else str(model)
    return experiments.AnalysisConfig(path, name, **settings | changes)


@pytest.mark.parametrize("name", list(experiments.ANALYSES))
def test_an_analysis_leaves_record_table_and_pictures(name, model, tmp_path):
    lines = []
    out = tmp_path / "out"
    record = experiments.analyze(_config(model, name), out, say=lines.append)
    assert read_record(out / "analysis.json") == record
    assert record.provenance["seed"] == 0
    if name not in WITHOUT_MODEL:
        assert record.model == str(model)
    kind = reports.KINDS[type(record)]
    assert lines == [reports.as_text(rows(record)) for rows in kind.tables]
    pictures = sorted(out.glob("*.png"))
    assert len(pictures) == len(kind.drawings)
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in pictures)
    # The report draws and tells the same from the record alone.
    page = reports.html_report(experiments.collect([out]), "title")
    # A curve answers to the pointer instead.
    curve = name == "radius"
    pictures = 0 if curve else len(kind.drawings)
    assert page.count('<img src="data:image/png') == pictures
    assert ("curves-linf" in page) == curve
    assert "No picture" not in page and "no table" not in page


def test_a_finished_analysis_is_told_and_drawn_as_it_was(model, tmp_path):
    path, out = shutil.copy(model, tmp_path / "m.keras"), tmp_path / "out"
    # Not in the order of the alphabet, in which JSON keeps them.
    config = _config(path, "covariance", attacks=("fgsm", "bim"))
    told, drawn = [], []
    for _ in range(2):  # the first begins, for there is none
        lines = []
        experiments.analyze(config, out, resume=True, say=lines.append)
        told.append(lines)
        drawn.append([p.read_bytes() for p in sorted(out.glob("*.png"))])
    assert told[0] == told[1] and drawn[0] == drawn[1] != []
    whole = (out / "analysis.json").read_bytes()
    path = path.rename(tmp_path / "moved.keras")
    config = dataclasses.replace(config, model=str(path))
    lines = []
    experiments.analyze(config, out, resume=True, say=lines.append)
    assert lines == told[0]
    for name in ("evaluation", "curve"):
        other = evaluation() if name == "evaluation" else ROWS[1]
        write_record(other, out / "analysis.json")
        with pytest.raises(ValueError, match="json is of something else"):
            experiments.analyze(config, out, resume=True)
    # A torn one is computed anew.
    (out / "analysis.json").write_bytes(whole[:-20])
    experiments.analyze(config, out, resume=True, say=lines.append)
    assert lines == 2 * told[0]
    network = keras.models.load_model(path)
    network.set_weights([weights + 1 for weights in network.get_weights()])
    network.save(path)
    with pytest.raises(ValueError, match="another model than .* is now"):
        experiments.analyze(config, out, resume=True)


class _Stopped(Exception):
    pass


def test_another_models_pieces_are_computed_again(model, tmp_path, monkeypatch):
    path, out = shutil.copy(model, tmp_path / "m.keras"), tmp_path / "out"
    config = _config(path, "radius", epsilons=(0.05, 0.1, 0.15))
    keep, kept = KeptPieces.__call__, []

    def stop(pieces, name, compute):
        kept.append(keep(pieces, name, compute))
        if len(kept) == 2:
            raise _Stopped
        return kept[-1]

    with monkeypatch.context() as patch:
        patch.setattr(KeptPieces, "__call__", stop)
        with pytest.raises(_Stopped):
            experiments.analyze(config, out, say=lambda _: None)
    assert len(list((out / "pieces").iterdir())) == 2
    network = keras.models.load_model(path)
    network.set_weights([-weights for weights in network.get_weights()])
    network.save(path)
    resumed, whole = (
        experiments.analyze(config, place, resume=True, say=lambda _: None)
        for place in (out, tmp_path / "whole")
    )
    assert resumed == whole


def test_points_are_of_the_ball_that_was_asked_for(model, tmp_path):
    usual = _config(model, "examples").ball
    assert (usual.norm, usual.epsilon) == ("inf", 0.15)
    free = experiments.AnalysisConfig(str(model), "gradient_leaking").ball
    assert (free.norm, free.epsilon) == (2, math.inf)
    asked = _config(model, "examples", norm=2, epsilon=0.5, attacks=("fgsm",))
    record = experiments.analyze(asked, tmp_path / "out", say=lambda _: None)
    ball = record.settings["threat_model"]
    assert (ball["norm"], ball["epsilon"]) == (2, 0.5)
    assert max(record.perturbation_norms) <= 0.5 + 1e-6
    with pytest.raises(ValueError, match="`epsilon` must be given"):
        _config(model, "examples", norm=2)


def test_what_an_analysis_can_not_have_is_said_in_a_line(model, tmp_path):
    for name, changes, message in (
        ("examples", {"attacks": ("fgsm", "bim")}, "takes one attack"),
        ("surface", {"example": 10**6}, "`example` must be below"),
        ("surface", {"attacks": ("deepfool",)}, "attacks that climb"),
        ("poisoning", {"component": 65}, "`component`"),
        ("features", {"num_clusters": 500}, "500 clusters need"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            experiments.analyze(
                _config(model, name, **changes), tmp_path / "out"
            )
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out").exists()
    for changes, message in (
        ({"decay_lengths": (0.0,)}, "`decay_lengths` must be positive"),
        ({"num_clusters": 0}, "`num_clusters` must be at least 1"),
        ({"epsilons": (0.2, 0.1)}, "`epsilons` must rise"),
        ({"epsilons": (0.1, math.inf)}, "`epsilons` must be non-neg.* finite"),
        ({"epsilons": (0.1, 2.0)}, "at most 1"),
        ({"normal_noise": -1.0}, "`normal_noise` must be non-negative"),
        ({"amplitudes": (0.0,)}, "`amplitudes` must be positive"),
        ({"analysis": "leaking"}, "gradient_leaking"),
    ):
        with pytest.raises(ValueError, match=message):
            _config(model, changes.pop("analysis", "noise"), **changes)


def test_features_of_a_model_whose_layers_are_named_otherwise(tmp_path):
    images = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Flatten()(images))
    plain = keras.Model(images, keras.layers.Dense(10)(hidden))
    plain.save(tmp_path / "plain.keras")
    config = _config(tmp_path / "plain.keras", "features")
    record = experiments.analyze(config, tmp_path / "out", say=lambda _: None)
    x = recipes.load_data("digits").test.first(24).images()
    right = plain.predict(x, verbose=0).argmax(1)
    assert list(record.predictions["clean"]) == right.tolist()


def test_a_model_is_asked_for_only_where_one_is_looked_into(model):
    with pytest.raises(ValueError, match="noise needs a model"):
        experiments.AnalysisConfig("", "noise")
    with pytest.raises(ValueError, match="parabola trains models of its own"):
        experiments.AnalysisConfig(str(model), "parabola")


def test_what_an_analysis_does_not_use_is_refused(model):
    # What it is told by every name it has, it uses or refuses.
    told = {
        "attacks": ("fgsm",),
        "norm": 2,
        "epsilon": 0.5,
        "reach": 0.5,
        "resolution": 3,
        "example": 1,
        "second_axis": "least likely",
        "num_components": 2,
        "num_clusters": 2,
        "decay_lengths": (1.0,),
        "epsilons": (0.1,),
        "component": 1,
        "amplitudes": (1.0,),
        "epochs": 1,
        "normal_noise": 0.1,
    }
    assert set(told) == {n for names in SETTINGS.values() for n in names}
    for analysis, used in SETTINGS.items():
        for name, value in told.items():
            changes = {name: value}
            if name == "norm":
                changes["epsilon"] = 0.5
            if name in used:
                _config(model, analysis, **changes)
                continue
            with pytest.raises(ValueError, match=f"{analysis} does not use `"):
                _config(model, analysis, **changes)
    stored = json.loads(json.dumps(plain(_config(model, "curvature"))))
    assert plain(experiments.AnalysisConfig(**stored)) == stored


def test_paths_are_of_the_attacks_asked_for(model, tmp_path):
    attacks = ("bim", "bim_least_likely")
    config = _config(model, "surface", attacks=attacks, reach=0.3)
    record = experiments.analyze(config, tmp_path / "out", say=lambda _: None)
    assert list(record.paths) == ["bim-10", "bim_least_likely-10"]
    first, second = record.paths.values()
    # Ten steps of a tenth of the reach from the image on.
    assert len(first) == 11 and first[0] == second[0] == (0.0, 0.0)
    assert first != second and 0.05 < max(map(max, first)) <= 0.3 + 1e-6


def test_the_gradients_share_is_followed_along_training(tmp_path):
    config = experiments.TrainingConfig(
        "digits",
        architecture="dense_network",
        epochs=2,
        validation_examples=40,
        validation_steps=1,
        leaking_components=(4, 64),
    )
    record = experiments.train(config, tmp_path / "run", say=lambda _: None)
    few, all_ = (record.history[f"gradient_leaking_{d}"] for d in (4, 64))
    # All 64 components hold the whole gradient.
    assert all_ == pytest.approx([1.0, 1.0], abs=1e-5)
    assert all(0.0 < share < 1.0 for share in few)
    model = keras.models.load_model(tmp_path / "run" / "last.keras")
    assert model.classifier.name == "dense_network"
    many = dataclasses.replace(config, leaking_components=(65,))
    with pytest.raises(ValueError, match="`dimensions` must be some of 1"):
        experiments.train(many, tmp_path / "many", say=lambda _: None)
    assert not (tmp_path / "many").exists()
    with pytest.raises(ValueError, match="needs validation examples"):
        experiments.TrainingConfig(
            validation_examples=0, leaking_components=(1,)
        )
