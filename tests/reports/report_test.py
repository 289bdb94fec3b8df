"""The report: every string escaped, every number from a record."""

import csv
import dataclasses
import html.parser
import io

import pytest

from tests.records_test import evaluation
from tests.records_test import ROWS
from tfrobust import reports
from tfrobust.records import CheckRecord
from tfrobust.records import CurveRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.reports import effort

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=hacked()>|\"'&"
LINKS = (
    "[x](javascript:a()) ![y](http://e) \\[z](q) <http://e> www.e.org a@e.org"
)


class _Reader(html.parser.HTMLParser):
    """Collects the elements of a page and the text between them."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.rows = [], [], []
        self.sources = []
        self._in_script = self._in_cell = False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "srcset", "data")]
        self._in_script = tag in ("script", "style")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._in_script = False
        self._in_cell &= tag not in ("td", "th")

    def handle_data(self, data):
        if not self._in_script:
            self.text.append(data)
            if self._in_cell:
                self.rows[-1][-1] += data


def shelf(name="standard"):
    """Return a record of every kind, all models of one name."""
    checks = (
        CheckRecord("zero gradients", 0.5, "failed", name),
        CheckRecord("adaptive", 0.0, "ok", name),
    )
    attacked = dataclasses.replace(evaluation(name), masking=checks)
    curves = [
        CurveRecord(
            label,
            {"name": "PGD", "num_steps": 20, "threat_model": {"norm": "inf"}},
            (0.0, 0.1, 0.2),
            (1.0, 0.5, last),
            100,
        )
        for label, last in ((name, 0.25), ("other", 0.125))
    ]
    own = (EvaluationRecord, CurveRecord)
    rest = [
        dataclasses.replace(r, model=name) if hasattr(r, "model") else r
        for r in ROWS
        if not isinstance(r, own)
    ]
    # Not in the order of names or accuracies: sorting must move them.
    second = dataclasses.replace(evaluation("second"), clean=(True,) * 4)
    records = [second, attacked, *curves, *rest]
    return reports.Shelf(
        tuple((f"runs/{k}.json", r) for k, r in enumerate(records)),
        (f"{name} is not a record of tfrobust.",),
    )


@pytest.fixture(scope="module")
def read():
    reader = _Reader()
    reader.feed(reports.html_report(shelf(HOSTILE), HOSTILE))
    return reader


def test_a_hostile_name_makes_no_element(read):
    harmless = _Reader()
    harmless.feed(reports.html_report(shelf(), "title"))
    assert sorted(read.tags) == sorted(harmless.tags)
    # It stands as text instead: heading, problem, table, masking, ...
    assert sum(HOSTILE in text for text in read.text) >= 5


def test_the_table_has_the_numbers_of_the_records(read):
    row = next(r for r in read.rows if r and r[0] == HOSTILE)
    assert row[1:] == ["75.0", "50.0", "50.0", "25.0", "failed: 1 of 2 checks"]


def test_nothing_is_loaded_from_anywhere(read):
    assert not {"link", "iframe", "object"} & set(read.tags)
    assert "default-src 'none'" in reports.html_report(shelf(), "title")
    assert read.sources
    assert all(s.startswith("data:image/png") for s in read.sources)


def test_a_picture_that_fails_says_why_in_its_place():
    records = [r for _, r in shelf().records if isinstance(r, FlatnessRecord)]
    torn = dataclasses.replace(records[0], worst_loss=())
    page = reports.html_report(reports.Shelf((("x", torn),)), "title")
    reader = _Reader()
    reader.feed(page)
    assert any("No picture: " in text for text in reader.text)
    assert ["no table"] in reader.rows
    assert "No evaluation was found" in " ".join(reader.text)


def test_markdown_has_the_table_and_no_element():
    text = reports.markdown_report(shelf(HOSTILE), "title")
    assert "<" not in text
    shown = HOSTILE.replace("<", "&lt;").replace("|", "\\|")
    assert f"| {shown} | 75.0 | 50.0 | 50.0 | 25.0 | failed" in text
    assert "- masked gradients, failed: zero gradients 0.500, " in text


def test_markdown_of_a_name_holds_no_link():
    text = reports.markdown_report(shelf(LINKS), "title")
    dead = (
        r"\[x\](javascript:a()) !\[y\](http&#58;//e) \\\[z\](q) "
        "&lt;http&#58;//e> www&#46;e.org a&#64;e.org"
    )
    assert f"### {dead}\n" in text and f"| {dead} | 75.0 |" in text
    for live in ("](", "://", "www.", "@", "<"):
        assert live not in text.replace(r"\](", "")


def test_markdown_tells_what_the_page_tells():
    text = reports.markdown_report(shelf(), "title")
    # Rows of the transfer matrix, of a training, and of a search without a
    # radius: the median of the norms that broke an example that was right.
    assert "| a | 25.0 | 75.0 |" in text and "| b | 50.0 | 12.5 |" in text
    assert "| epoch | loss |\n|---|---:|\n| 1 | 1 |\n| 2 | 0.5 |" in text
    free = {"name": "DDN", "threat_model": {"norm": 2, "epsilon": "inf"}}
    attack = dataclasses.replace(evaluation().attacks[0], settings=free)
    record = dataclasses.replace(evaluation(), attacks=(attack,))
    found = reports.Shelf((("a", record),))
    text = reports.markdown_report(found, "title")
    assert "| a | 50.0 | 15.0 - 85.0 | 0.05 |" in text
    rows = csv.DictReader(io.StringIO(reports.csv_report(found)))
    assert [r["median_norm"] for r in rows] == ["", "0.05", ""]


def test_sections_of_one_name_say_where_they_were_found():
    flat = next(r for r in ROWS if isinstance(r, FlatnessRecord))
    both = reports.Shelf((("a.json", flat), ("b.json", flat)))
    text = reports.markdown_report(both, "title")
    heads = [line for line in text.splitlines() if "flatness: m" in line]
    assert [h.split("m ")[1] for h in heads] == ["(a.json)", "(b.json)"]


@pytest.mark.parametrize(
    "settings, shown",
    [
        ({}, "?, epsilon=?"),
        ({"name": "PGD", "threat_model": "x"}, "?, epsilon=?, threat_model=x"),
        ({"threat_model": {"norm": [1], "epsilon": {}}}, "[1], epsilon={}"),
        ({"num_restarts": "many"}, "?, epsilon=?, num_restarts=many"),
    ],
)
def test_odd_settings_are_shown_and_cost_nothing_else(settings, shown):
    attack = dataclasses.replace(evaluation().attacks[0], settings=settings)
    record = dataclasses.replace(evaluation("odd"), attacks=(attack,))
    found = reports.Shelf((("a", record), ("b", evaluation("good"))))
    page = reports.html_report(found, "title")
    markdown = reports.markdown_report(found, "title")
    for text in (page, markdown):
        assert "could not be made" not in text and "75.0" in text
    assert f"a: {settings.get('name', '?')} (l{shown})" in page
    assert len(reports.csv_report(found).splitlines()) == 1 + 3 + 4


def test_a_section_of_markdown_that_fails_says_why_in_its_place():
    torn = next(r for r in ROWS if isinstance(r, LeakingRecord))
    torn = dataclasses.replace(torn, provenance=None)
    found = reports.Shelf((("a", torn), ("b", evaluation())))
    text = reports.markdown_report(found, "title")
    assert text.count("This section could not be made. TypeError: ") == 1
    assert "| m | 75.0 |" in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\r=", "\t=", "\n@"])
def test_no_cell_of_a_csv_is_a_formula(start):
    found = reports.Shelf((("a", evaluation(f"{start}A1")),))
    for line in reports.csv_report(found).splitlines()[1:]:
        assert line.startswith("'") and line.split(",")[0].endswith("A1")


def test_csv_has_a_line_per_model_and_attack_with_its_interval():
    text = reports.csv_report(shelf(HOSTILE))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["attack"] for r in rows] == ["clean", "a", "b", "worst case"] * 2
    worst = rows[7]
    assert worst["model"] == HOSTILE and worst["num_examples"] == "4"
    # Wilson's interval of 1 in 4, by hand: centre .3775, spread .3319.
    assert float(worst["accuracy"]) == 0.25
    assert float(worst["low"]) == pytest.approx(0.0456, abs=1e-4)
    assert float(worst["high"]) == pytest.approx(0.6994, abs=1e-4)


def test_models_of_one_name_are_told_apart():
    both = reports.Shelf((("a", evaluation("m")), ("b", evaluation("m"))))
    (records,) = both.evaluations().values()
    assert [r.model for r in records] == ["m (a)", "m (b)"]


def test_other_images_or_another_ball_make_another_table():
    one = evaluation("one")
    other = dataclasses.replace(one, data="mnist")
    wide = {"threat_model": {"norm": 2, "epsilon": 0.5}, "name": "PGD"}
    attack = dataclasses.replace(one.attacks[0], settings=wide)
    far = dataclasses.replace(one, attacks=(attack,))
    both = dataclasses.replace(one, attacks=(one.attacks[0], attack))
    assert effort.ball_name(both) == "linf, epsilon 0.1 and l2, epsilon 0.5"
    groups = reports.Shelf((("a", one), ("b", other), ("c", far))).evaluations()
    assert list(groups) == [
        "digits, test, linf, epsilon 0.1, 4 images",
        "mnist, test, linf, epsilon 0.1, 4 images",
        "digits, test, l2, epsilon 0.5, 4 images",
    ]


def _attacked_with(*settings):
    attack = evaluation().attacks[0]
    ball = {"threat_model": {"norm": "inf", "epsilon": 0.1}}
    made = [
        dataclasses.replace(attack, name=s.pop("title", "a"), settings=s | ball)
        for s in map(dict, settings)
    ]
    return dataclasses.replace(evaluation(), attacks=tuple(made))


def _missing(word, record):
    return any(word in line for line in effort.not_tried(record))


def test_what_was_tried_is_not_called_untried():
    pgd = {"name": "PGD", "objective": {"name": "CrossEntropy"}}
    plain = _attacked_with(pgd)
    for word in ("AutoAttack", "Square", "margin", "adaptive", "start", "l1"):
        assert _missing(word, plain), word
    margin = pgd | {"objective": {"name": "Margin"}, "num_restarts": 3}
    tried = _attacked_with(margin, {"name": "Square"}, {"title": "adaptive-40"})
    for word in ("Square", "margin", "adaptive", "random start"):
        assert not _missing(word, tried), word
    assert _missing("AutoAttack", tried)
    # It descends a difference of logits.
    assert not _missing("margin", _attacked_with({"name": "CarliniWagner"}))
    whole = _attacked_with({"name": "AutoAttack", "version": "standard"})
    for word in ("AutoAttack", "Square", "margin", "random start"):
        assert not _missing(word, whole), word
    ok = (CheckRecord("random forward", 0.0, "ok", ""),)
    looked = dataclasses.replace(whole, masking=ok)
    assert _missing("several passes", whole)
    assert not _missing("several passes", looked)
    assert _missing("does not count those", looked)
    # 98 / sqrt(4): half of a 95 % interval around one half.
    assert _missing("within 49 points", whole)


@pytest.mark.parametrize(
    "verdicts, shown",
    [
        ((), "not looked for"),
        (("ok", "ok"), "ok: 2 checks"),
        (("ok", "suspicious"), "suspicious: 1 of 2 checks"),
        (("suspicious", "failed"), "failed: 1 of 2 checks"),
    ],
)
def test_the_worst_verdict_is_shown(verdicts, shown):
    checks = tuple(CheckRecord("c", 0.0, v, "") for v in verdicts)
    record = dataclasses.replace(evaluation(), masking=checks)
    assert effort.masking_verdict(record) == shown
