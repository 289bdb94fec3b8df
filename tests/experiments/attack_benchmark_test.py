"""The attacks' benchmark: what it counts and a small run of it."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

from tests import networks
from tfrobust import attacks
from tfrobust import experiments
from tfrobust import recipes
from tfrobust import reports
from tfrobust.attacks.working_set import watched
from tfrobust.experiments.attack_benchmark import _Look
from tfrobust.experiments.peers import peer_calls
from tfrobust.records import BenchmarkRecord
from tfrobust.records import read_record
from tfrobust.threat_model import NormBall

_MODEL = pathlib.Path(__file__).parents[1] / "data" / "digits_at15.keras"


def test_chunks_are_the_rows_and_steps_that_were_taken():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 20)
    attack = attacks.PGD(NormBall("inf", epsilon=0.02), num_steps=20)
    chunks = []
    with watched(lambda *chunk: chunks.append(chunk)):
        result = attack(model, x, y)
    rows, steps, needs = zip(*chunks, strict=True)
    assert set(needs) == {("input_gradient",)}
    assert rows[0] == 20 and (np.diff(rows) <= 0).all()
    assert sum(steps) == 20
    # Whoever stands at the end stood at the last chunk.
    assert rows[-1] >= result.robust.sum() > 0
    attack(model, x, y)
    assert sum(steps for _, steps, _ in chunks) == 20


def test_a_chunk_says_what_its_steps_need():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 6)
    gradient, forward = ("input_gradient",), ("forward",)
    needs = {
        attacks.UniformNoise: {forward},
        attacks.Square: {forward},
        attacks.APGD: {gradient},
        attacks.TargetedFAB: {gradient + forward},
        attacks.FAB: {("jacobian", "forward")},
        attacks.AutoAttack: {gradient, gradient + forward, forward},
    }
    for kind, expected in needs.items():
        chunks = []
        ball = NormBall("inf", epsilon=1e-3)
        with watched(lambda *chunk, to=chunks: to.append(chunk)):
            kind(ball)(model, x, y)
        assert {chunk[2] for chunk in chunks} == expected, kind
        assert chunks[0][0] == 6


def test_the_table_has_speed_strength_and_ratio():
    record = BenchmarkRecord(
        suite="attacks",
        configuration={"num_examples": 100},
        seconds={
            "pgd": (2.0, 4.0, 6.0),
            "bare pgd": (1.0, 2.0, 3.0),
            "bare all steps of pgd": (4.0, 8.0, 12.0),
            "foolbox pgd": (6.0, 12.0, 18.0),
        },
        floors={"pgd": {"pgd": 1}},
        provenance={},
        robust_accuracy={"pgd": 0.5, "foolbox pgd": 0.75},
        median_norm={"pgd": 0.3, "foolbox pgd": None},
    )
    own, peer = reports.attack_benchmark_rows(record)[1:]
    ratio = "2.00 [2.00, 2.00]"
    half = "0.50 [0.50, 0.50]"
    assert own == ["pgd", "4.00", "25.0", "50.0", "0.3", ratio, half, ""]
    assert peer[:4] == ["foolbox pgd", "12.00", "8.3", "75.0"]
    assert peer[4:6] == ["-", "6.00 [6.00, 6.00]"]
    assert peer[6:] == ["1.50 [1.50, 1.50]", "3.00 [3.00, 3.00]"]


def test_points_outside_the_ball_break_nothing():
    model = networks.linear(np.array([[9.0, -9.0], [9.0, -9.0]]))
    x = np.full((3, 2), 0.5, "float32") + np.float32([[0.0], [0.1], [-0.1]])
    y = model(x).numpy().argmax(1)
    look = _Look(model, NormBall("inf", epsilon=0.2), x, y)
    assert look(x) == (1.0, None)
    moved = x + np.float32([[0.5], [0.0], [0.0]])
    assert look(moved) == (1.0, None)


@pytest.mark.skipif(
    importlib.util.find_spec("foolbox") is None,
    reason="compares with other libraries; see requirements-peers.txt",
)
def test_peers_do_the_same_within_a_few_images():
    model = keras.models.load_model(_MODEL)
    test = recipes.load_data("digits").test.first(40)
    x, y = test.images(), test.y
    ball = NormBall("inf", epsilon=0.15)
    attack = attacks.PGD(ball, num_steps=20)
    own = attack(model, x, y).robust.sum()
    for call in peer_calls(attack, model, x, y, batch_size=40).values():
        found = _Look(model, ball, x, y)(call())[0]
        assert abs(40 * found - own) <= 2


@pytest.mark.slow
def test_a_small_run(tmp_path):
    config = experiments.AttackBenchmarkConfig(
        str(_MODEL),
        ("fgsm", "apgd_ce", "deepfool"),
        num_examples=8,
        rounds=2,
        bfloat16=True,
    )
    page, lines = tmp_path / "page.md", []
    record = experiments.benchmark_attacks(
        config, tmp_path / "run", page=page, say=lines.append
    )
    assert read_record(tmp_path / "run" / "benchmark.json") == record
    names = [f"{b}{n}" for n in config.attacks for b in ("", "bfloat16 ")]
    assert list(record.robust_accuracy) == names
    assert all(len(times) == 2 for times in record.seconds.values())
    assert "| apgd_ce" in page.read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"attacks": ("pdg",)}, "Did you mean 'pgd'"),
        ({"rounds": 0}, "`rounds` must be at least 1"),
        ({"epsilon": -1.0}, "`epsilon` must be positive"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        experiments.AttackBenchmarkConfig("model.keras", **arguments)
