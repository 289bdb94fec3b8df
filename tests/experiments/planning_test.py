"""What the plan counts."""

import dataclasses
import json
import re

import pytest

from tests.experiments.rows import probe
from tests.experiments.rows import write_row
from tfrobust import experiments
from tfrobust.experiments import planning
from tfrobust.experiments.papers import PAPERS


@pytest.fixture(name="_probed")
def _probed_fixture(monkeypatch):
    monkeypatch.setattr(planning, "probe", lambda config: probe())


@pytest.mark.usefixtures("_probed")
def test_the_plan_counts_shared_trainings_once(tmp_path):
    page = tmp_path / "PLAN.md"
    experiments.plan(tmp_path / "r", page=page, say=lambda _: None)
    text = page.read_text()
    # 0.6 s x 500 steps; 2,350 gradients and 5,000 passes of two batches.
    minutes = 2 * (2350 * 0.06 + 5000 * 0.012) / 60
    lfr = "| LFR | small_cnn, mnist | 1,234 | 4 | 7 | 1 "
    assert f"{lfr}| 5.0 | {minutes:.1f} | 0 of 1 |" in text
    near = "| gn | nine_layer_cnn, width 32, mnist | 1,234 | 4 | - | 1 "
    assert f"{near}| 5.0 | {minutes:.1f} | 0 of 1 |" in text
    # LRC has no AutoAttack, and two more seeds, which are counted there.
    shared = "| as structured-gradient table-1 | - | 0 of 3 |"
    assert f"{near.replace('| 1 ', '| 3 ')}{shared}" in text
    falls = "| Standard | small_cnn, mnist | 1,234 | 4 | - | 3 "
    assert f"{falls}| 5.0 | {200 * 0.06 / 60:.1f} | 0 of 3 |" in text
    page = tmp_path / "r" / "local-flatness" / "table-1-cpu.md"
    hours = (5.0 + minutes) / 60
    assert f"| LFR (not run (estimate {hours:.2f} h)) |" in page.read_text()
    trainings, attacked, total = set(), set(), 0.0
    for paper, name in planning.PRIORITY:
        table = PAPERS[paper][name]
        for row, model in table.models.items():
            setting = table.settings["cpu"]
            config = model.config(setting, "cpu", 0, None)
            key = json.dumps(dataclasses.asdict(config), sort_keys=True)
            seeds = {(key, seed) for seed in table.seeds(row, "cpu")}
            total += 5.0 * len(seeds - trainings)
            trainings |= seeds
            if "added" in table.looks:
                images = table.settings["cpu"].added["num_examples"]
                # Without an inner maximisation APGD-CE is the last; of MAT
                # the term whose weight is beta has it.
                climbs = "num_steps" in config.settings
                if config.defense == "mat" and "BIBO" not in row:
                    climbs = config.settings.get("beta", 1.0) > 0
                # SGR's MNIST is attacked at a third of the usual radius.
                climbs = climbs or config.epsilon == 0.1
                long = minutes if climbs else 0.2
                added = long * (2 if images > 250 else 1) / 2
                total += added * len(seeds - attacked)
                attacked |= seeds
    assert f"In all {total / 60:.1f} hours, of which what isn't done" in text


@pytest.mark.usefixtures("_probed")
def test_what_is_done_is_not_left(tmp_path):
    page = tmp_path / "PLAN.md"

    def hours():
        experiments.plan(tmp_path / "r", page=page, say=lambda _: None)
        told = r"In all (\S+) hours, of which what isn't done yet takes (\S+)\."
        (found,) = re.findall(told, page.read_text())
        return tuple(map(float, found))

    total, left = hours()
    assert left == total
    # 5 minutes, and AutoAttack's two batches of 201 s.
    write_row(tmp_path / "r", "cpu", "MAT, BIBO", {})
    assert hours() == (total, pytest.approx(left - 0.195, abs=0.101))
    assert "| 1 of 1 |" in page.read_text()
