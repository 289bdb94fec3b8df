"""The table of masked models, small."""

from tfrobust.experiments import masking_table
from tfrobust.experiments.masked_models import behind
from tfrobust.experiments.masked_models import Quantized
from tfrobust.experiments.masked_table import _HONEST


def test_a_page_holds_every_model_and_keeps_what_is_trained(
    tmp_path, monkeypatch
):
    module = "tfrobust.experiments.masked_table"
    monkeypatch.setattr(f"{module}._HONEST", {"standard": _HONEST["standard"]})
    monkeypatch.setattr(f"{module}._SEEDS", (3,))
    monkeypatch.setattr(f"{module}._EXAMPLES", 10)
    one = {"quantised input": Quantized}
    monkeypatch.setattr(
        f"{module}.masked",
        lambda c: {name: behind(layer(), c) for name, layer in one.items()},
    )
    page = tmp_path / "page.md"
    lines = []
    arguments = {"page": page, "say": lines.append, "epochs": 1}
    found = masking_table(tmp_path / "runs", **arguments)
    assert list(found) == ["standard, seed 3", "quantised input, seed 3"]
    text = page.read_text()
    assert all(f"| {name} |" in text for name in found)
    assert "(!)" in text and "- zero gradients: share of" in text
    trained = tmp_path / "runs" / "standard-3" / "last.keras"
    before = trained.stat().st_mtime_ns
    masking_table(tmp_path / "runs", **arguments)
    assert trained.stat().st_mtime_ns == before
