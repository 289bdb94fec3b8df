"""The table of masked models, small."""

import pytest

from tfrobust import evaluation
from tfrobust import recipes
from tfrobust.experiments import masking_table
from tfrobust.experiments.masked_models import behind
from tfrobust.experiments.masked_models import Quantized
from tfrobust.experiments.masked_table import MASKED_TABLES
from tfrobust.experiments.masked_table import MaskedTable
from tfrobust.recipes.comparisons import Comparison


@pytest.fixture
def tiny(monkeypatch):
    comparison = Comparison(
        "digits",
        epsilon=0.15,
        training={"epochs": 1},
        defenses={"standard": ("standard", {}), "other": ("standard", {})},
        num_examples=10,
        num_restarts=1,
        notes="",
    )
    table = MaskedTable(
        "tiny", ("standard",), ("other",), seeds=(0, 3), num_examples=10
    )
    monkeypatch.setitem(recipes.COMPARISONS, "tiny", comparison)
    monkeypatch.setitem(MASKED_TABLES, "tiny", table)
    monkeypatch.setattr(
        "tfrobust.experiments.masked_table.masked",
        lambda c: {"quantised input": behind(Quantized(), c)},
    )


@pytest.fixture
def reports(monkeypatch):
    """Make the first two reports, an honest and a masked model's; copy them."""
    whole, made = evaluation.masking_report, []

    def report(*arguments, **settings):
        if len(made) < 2:
            made.append(whole(*arguments, **settings))
        return made[-1]

    monkeypatch.setattr(evaluation, "masking_report", report)


def test_a_page_holds_every_model_and_keeps_what_is_trained(
    tmp_path, tiny, reports
):
    del tiny, reports
    page, lines = tmp_path / "page.md", []
    arguments = {"page": page, "say": lines.append}
    found = masking_table("tiny", tmp_path / "runs", **arguments)
    kinds = ("standard", "quantised input", "other")
    assert list(found) == [f"{k}, seed {s}" for s in (0, 3) for k in kinds]
    assert all(checks[-1].name == "transfer" for checks in found.values())
    text = page.read_text()
    assert all(f"| {name} |" in text for name in found)
    assert "(!)" in text and "- zero gradients: share of" in text
    trained = tmp_path / "runs" / "standard-3" / "last.keras"
    before = trained.stat().st_mtime_ns
    masking_table("tiny", tmp_path / "runs", **arguments)
    assert trained.stat().st_mtime_ns == before


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="masking, masking_mnist"):
        masking_table("maskin", "nowhere")
