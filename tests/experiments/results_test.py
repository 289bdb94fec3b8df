"""What stands under docs/results/papers is what its records say."""

import pathlib
import re
import shutil

import pytest

from tfrobust import experiments
from tfrobust import zoo
from tfrobust.experiments import planning
from tfrobust.experiments.paper_rows import read_row

_RESULTS = pathlib.Path(__file__).parents[2] / "docs" / "results"
_PAPERS = _RESULTS / "papers"
_MODELS = _PAPERS / "models"


def _say(_):
    pass


def _refused(config):
    raise AssertionError(f"{config} isn't probed yet")


def test_pages_and_plan_are_what_their_command_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "probe", _refused)
    shutil.copytree(_PAPERS, tmp_path / "papers")
    plan = tmp_path / "PLAN.md"
    experiments.plan(tmp_path / "papers", page=plan, say=_say)
    assert plan.read_text() == (_RESULTS / "PLAN.md").read_text()
    for page in (tmp_path / "papers").rglob("*.md"):
        ours = _PAPERS / page.relative_to(tmp_path / "papers")
        assert ours.read_text() == page.read_text(), ours


def test_the_readme_has_the_plans_hours():
    plan = (_RESULTS / "PLAN.md").read_text()
    (hours,) = re.findall(r"In all ([\d.]+) hours", plan)
    readme = (_RESULTS.parents[1] / "README.md").read_text()
    assert f"comes to {hours} hours" in readme.replace("\n", " ")


def test_claims_are_what_their_command_writes(tmp_path):
    page = tmp_path / "CLAIMS.md"
    steps = _RESULTS / "train_step.json"
    experiments.write_claims(_PAPERS, "cpu", page, steps, say=_say)
    assert page.read_text() == (_PAPERS / "CLAIMS.md").read_text()


@pytest.mark.parametrize("name", zoo.names(_MODELS))
def test_a_card_tells_what_its_row_tells(name):
    card = zoo.card(name, _MODELS)
    flags = dict(f[2:].split("=") for f in card.command.split() if "=" in f)
    rows = _PAPERS / flags["paper"] / f"{flags['table']}-{flags['scale']}"
    record = read_row(rows / f"{flags['rows']}-0.json")
    values = {k: v for k, v in record.values.items() if v is not None}
    assert card.results == values
    assert record.model_digest in (card.model_digest, card.rounded_from)
