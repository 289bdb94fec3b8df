"""A table of defenses: trained, attacked, written, and gone on with."""

import json
import shutil

import pytest

from tfrobust import experiments
from tfrobust import recipes
from tfrobust.recipes.comparisons import Comparison

ROWS = ("plain", "TRADES_pca")


@pytest.fixture
def tiny(monkeypatch):
    comparison = Comparison(
        "digits",
        epsilon=0.1,
        training={"epochs": 1, "architecture": "dense_network"},
        defenses={
            "plain": ("standard", {}),
            "TRADES, pca": (
                "trades",
                {"epsilon": 0.1, "num_steps": 1, "num_components": 5},
            ),
        },
        num_examples=20,
        num_restarts=1,
        notes="Tiny.",
        own_training={"TRADES, pca": {"learning_rate": 0.5}},
    )
    monkeypatch.setitem(recipes.COMPARISONS, "tiny", comparison)


def test_a_table_is_written_from_records_and_gone_on_with(tmp_path, tiny):
    del tiny
    page = tmp_path / "page.md"

    def run():
        return experiments.compare(
            "tiny", tmp_path / "runs", page=page, say=lambda _: None
        )

    rows = run()
    assert [label for label, _, _ in rows] == ["plain", "TRADES, pca"]
    text = page.read_text()
    plain, trades = (r.worst_case_accuracy for _, _, r in rows)
    assert f"{100 * plain:.1f} |" in text and f"{100 * trades:.1f} |" in text
    # Cross-entropy is what plain training knows; TRADES has its own.
    names = [[a.name for a in r.attacks] for _, _, r in rows]
    assert names == [
        ["pgd-40", "pgd_margin-40"],
        ["pgd-40", "pgd_margin-40", "adaptive-40"],
    ]
    # One row has a rate of its own, and the page says so.
    assert "TRADES, pca: learning_rate 0.5" in text
    configs = [tmp_path / "runs" / n / "config.json" for n in ROWS]
    configs = [json.loads(path.read_text()) for path in configs]
    assert [config["learning_rate"] for config in configs] == [1e-3, 0.5]
    # What is finished is kept: no file is written again.
    models = sorted((tmp_path / "runs").rglob("*.*"))
    before = [path.stat().st_mtime_ns for path in models]
    assert run() == rows
    assert [path.stat().st_mtime_ns for path in models] == before


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="digits.*mnist"):
        experiments.compare("digit", "nowhere")


def test_an_evaluation_of_something_else_is_not_taken(tmp_path, tiny):
    del tiny
    quiet = {"say": lambda _: None}
    rows = experiments.compare("tiny", tmp_path, **quiet)
    path = tmp_path / "plain" / "attacked" / "evaluation.json"
    written = path.stat().st_mtime_ns
    # A record from before a setting existed is as good as any.
    data = json.loads(path.read_text())
    del data["provenance"]["configuration"]["bfloat16"]
    path.write_text(json.dumps(data))
    written = path.stat().st_mtime_ns
    experiments.compare("tiny", tmp_path, **quiet)
    assert path.stat().st_mtime_ns == written
    origin = data["provenance"]
    other = origin["configuration"] | {"num_steps": 3}
    for changed in (origin | {"configuration": other}, {}):
        path.write_text(json.dumps(data | {"provenance": changed}))
        written = path.stat().st_mtime_ns
        again = experiments.compare("tiny", tmp_path, **quiet)
        assert path.stat().st_mtime_ns != written
        assert again[0][2].worst_case == rows[0][2].worst_case


def test_another_rows_model_is_refused_and_shown_nowhere(tmp_path, tiny):
    del tiny
    quiet = {"say": lambda _: None}
    rows = experiments.compare("tiny", tmp_path / "runs", **quiet)
    plain, trades = ROWS
    for names, told in (
        (["last.keras"], "model in .* is of another training"),
        (["training.json"], "no record of this training"),
        (["last.keras", "training.json"], "model in .* is of another training"),
    ):
        there = tmp_path / "_".join(names)
        shutil.copytree(tmp_path / "runs", there)
        for name in names:
            shutil.copy(there / plain / name, there / trades / name)
        with pytest.raises(ValueError, match=told):
            experiments.compare("tiny", there, **quiet)
    # What a kill has torn is made again.
    for name in ("training.json", "attacked/evaluation.json"):
        torn = tmp_path / "runs" / trades / name
        torn.write_text("{")
    again = experiments.compare("tiny", tmp_path / "runs", **quiet)
    assert [r.model_digest for _, _, r in again] == [
        r.model_digest for _, _, r in rows
    ]


def test_data_elsewhere_cost_nobody_a_training(tmp_path, tiny):
    del tiny
    quiet = {"say": lambda _: None}
    experiments.compare("tiny", tmp_path, **quiet)
    with pytest.raises(ValueError, match="can't be resumed with data_dir="):
        experiments.compare("tiny", tmp_path, data_dir="elsewhere", **quiet)
    assert (tmp_path / ROWS[0] / "training.json").is_file()
