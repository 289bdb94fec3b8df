"""Tables of the papers: what they hold, at each scale, and what is printed."""

import itertools

import pytest

from tests import networks
from tfrobust import recipes
from tfrobust.experiments import paper_pages
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.papers import PRIORITY
from tfrobust.experiments.papers.looks import Added
from tfrobust.experiments.papers.settings import ADDED_COLUMNS
from tfrobust.experiments.papers.tables import SCALES
from tfrobust.experiments.run_names import placeless
from tfrobust.experiments.run_names import run_name

ALL = [
    pytest.param(table, id=f"{paper} {name}")
    for paper, tables in PAPERS.items()
    for name, table in tables.items()
]


def _named():
    """Return names and tables of all papers."""
    return [(n, t) for tables in PAPERS.values() for n, t in tables.items()]


def _is_attacked(table):
    """Say whether rows meet AutoAttack and what comes with it."""
    return any(isinstance(look, Added) for look in table.looks.values())


def _own(table):
    """Return titles of the columns that the paper has."""
    added = {c.title for c in ADDED_COLUMNS}
    titles = [c.title for c in table.columns if c.title not in added]
    return titles + (list(table.models) if table.transfer is not None else [])


@pytest.mark.parametrize("table", ALL)
def test_published_numbers_fit_rows_and_columns(table):
    assert set(table.published) <= set(table.models)
    lengths = {len(numbers) for numbers in table.published.values()}
    assert lengths <= {len(_own(table))}
    titles = [c.title for c in table.columns]
    assert len(set(titles)) == len(titles)
    assert {c.look for c in table.columns} <= set(table.looks)
    assert set(table.pictures) <= set(table.looks)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("table", ALL)
def test_a_row_has_the_settings_of_its_scale(table, scale):
    setting = table.settings[scale]
    for row, model in table.models.items():
        config = model.config(setting, scale, 3, None)
        assert config.seed == 3
        assert config.data == setting.training["data"]
        if "epsilon" in config.settings:
            assert config.settings["epsilon"] == setting.epsilon
        assert table.seeds(row, "smoke") == (0,)
    for look in table.looks.values():
        found = look.config("x.keras", setting, None)
        assert found.model == "x.keras"
        assert found.data == setting.training["data"]


def test_every_table_has_a_place_in_the_plan():
    named = [(p, t) for p, tables in PAPERS.items() for t in tables]
    assert sorted(named) == sorted(PRIORITY)


def test_every_model_of_a_table_meets_autoattack_in_some_table():
    trained, attacked = set(), set()
    for name, table in _named():
        runs = {
            run_name(
                placeless(model.config(table.settings["cpu"], "cpu", 0, ""))
            )
            for model in table.models.values()
        }
        trained |= set() if name.startswith("figure") else runs
        attacked |= runs if _is_attacked(table) else set()
    assert trained <= attacked


@pytest.mark.parametrize(
    "paper, name",
    [
        ("decision-surface", "table-1"),
        ("local-flatness", "table-1"),
        ("manifold-aware", "table-2"),
        ("manifold-aware", "table-4"),
        ("structured-gradient", "table-1"),
        ("structured-gradient", "table-4"),
        ("structured-gradient", "lrc"),
    ],
)
def test_three_seeds_where_training_and_autoattack_take_five_minutes(
    paper, name
):
    # Plan and probes: a training with an inner maximisation takes more, but
    # for AT's; AutoAttack of what stands takes more alone.
    table = PAPERS[paper][name]
    attacked = "added" in table.looks
    stands = attacked and table.settings["cpu"].epsilon < 0.3
    quick = {
        row
        for row, model in table.models.items()
        if not stands
        and (
            model.settings.get("beta") == 0
            or "num_steps" not in recipes.defense_settings(model.defense)
            or (row == "AT" and not attacked)
        )
    }
    three = {r for r in table.models if len(table.seeds(r, "cpu")) == 3}
    assert quick == three


def test_a_figure_is_of_one_seed():
    for name, table in _named():
        if name.startswith("figure"):
            assert {len(table.seeds(r, "cpu")) for r in table.models} == {1}


@pytest.mark.parametrize(
    "name, scale, told",
    [
        ("table-4-far", "smoke", "0.15, of the rows' points 0.2"),
        ("table-4-far", "cpu", "0.1, of the rows' points 0.2"),
        ("table-3", "cpu", "8/255, of the rows' points 4/255"),
    ],
)
def test_a_page_tells_both_radii(name, scale, told):
    table = PAPERS["structured-gradient"][name]
    text = paper_pages.page_text("p", "t", scale, table, [])
    assert f"; the radius there is {told}." in text


def test_published_settings_of_lfr():
    table = PAPERS["local-flatness"]["table-1"]
    config = table.models["LFR"].config(table.settings["paper"], "paper", 0, "")
    # Section 4.1 and the authors' script.
    assert config.settings == {
        "epsilon": 0.3,
        "num_steps": 40,
        "step_size": 0.01,
        "weight": 0.02,
    }
    assert (config.epochs, config.batch_size) == (100, 128)
    assert (config.optimizer, config.learning_rate) == ("sgd", 0.01)
    assert config.constant_epochs == 90
    llr = table.models["LLR"].config(table.settings["paper"], "paper", 0, "")
    assert llr.settings["weight"] == 4 and llr.settings["slope_weight"] == 3
    assert llr.epsilon_warm_up == 0


def test_published_labels_of_sgr():
    # The appendix: examples are made for the predicted label.
    table = PAPERS["structured-gradient"]["table-3"]
    for row in ("pgd", "fgsm", "fgsm_sgr", "pgd_sgr"):
        model = table.models[row]
        config = model.config(table.settings["paper"], "paper", 0, None)
        defense = recipes.make_defense(
            config.defense, networks.tiny_cnn(), **config.settings
        )
        if row in ("pgd", "fgsm"):
            assert defense.label_source == "predicted"
        else:
            (penalty,) = defense.penalties
            assert penalty.label_source == "predicted"


def test_published_steps_of_gradient_leaking():
    tables = PAPERS["gradient-leaking"]
    pairs = itertools.product(("table-3", "table-3-long"), (8, 16, 24, 32))
    sizes = {}
    for name, radius in pairs:
        look = tables[name].looks[str(radius)]
        config = look.config("x", tables[name].settings["paper"], None)
        assert config.epsilon == pytest.approx(radius / 255)
        sizes[config.num_steps, radius] = round(255 * config.step_size, 6)
    # Section 5.2.
    assert [sizes[10, r] for r in (8, 16, 24, 32)] == [2, 3, 4, 5]
    assert [sizes[50, r] for r in (8, 16, 24, 32)] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "name", ["table-3", "table-3-far", "table-4", "table-4-far"]
)
def test_a_model_is_weakest_against_its_own_points(name):
    # True of every printed row; a column read in another order breaks it.
    table = PAPERS["structured-gradient"][name]
    for number, row in enumerate(table.models):
        _, *accuracies = table.published[row]
        assert min(accuracies) == accuracies[number]


def test_the_short_table_is_a_part_of_the_long_one():
    tables = PAPERS["structured-gradient"]
    short, long = tables["table-1"], tables["table-4"]
    order = list(long.models)
    for row in short.models:
        test, *accuracies = long.published[row]
        kept = [accuracies[order.index(source)] for source in short.models]
        assert short.published[row] == (test, *kept)
