"""Tables and the picture, from records alone."""

import dataclasses
import subprocess
import sys

from tests.records_test import evaluation
from tests.records_test import ROWS
from tfrobust import reports
from tfrobust.records import CurvatureRecord
from tfrobust.records import CurveRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import SurfaceRecord
from tfrobust.records import TransferRecord


def test_the_table_shows_percentages_and_the_worst_case():
    text = reports.as_text(reports.robustness_rows([evaluation("one")]))
    lines = text.splitlines()
    assert lines[0].split() == [
        "model",
        "clean",
        "a",
        "b",
        "worst",
        "case",
    ]
    assert lines[2].split() == ["one", "75.0", "50.0", "50.0", "25.0"]


def test_a_model_without_an_attack_has_a_dash():
    partial = dataclasses.replace(
        evaluation("two"), attacks=evaluation().attacks[:1]
    )
    rows = reports.robustness_rows([evaluation("one"), partial])
    assert rows[2] == ["two", "75.0", "50.0", "-", "50.0"]


def test_an_attacks_row_has_its_time_and_without_radius_its_median_norm():
    record = evaluation("one")
    rows = reports.attack_rows(record, {"a": 1.25})
    assert rows[0] == ["attack", "accuracy %", "95 % interval", "seconds"]
    assert [row[3] for row in rows[1:]] == ["", "1.2", "", ""]
    ball = {"norm": 2, "epsilon": "inf"}
    settings = record.attacks[1].settings | {"threat_model": ball}
    free = dataclasses.replace(record.attacks[1], settings=settings)
    record = dataclasses.replace(record, attacks=(record.attacks[0], free))
    rows = reports.attack_rows(record)
    assert rows[0][-1] == "median norm"
    # Right at first and broken: the second example alone.
    assert [row[-1] for row in rows[1:]] == ["", "", "0.1", ""]
    assert "l2, epsilon=inf" in reports.settings_lines(record)[1]


def test_a_transfer_table_has_sources_below_each_other():
    record = next(r for r in ROWS if isinstance(r, TransferRecord))
    assert reports.transfer_rows(record, "pgd") == [
        ["points of", "a", "b"],
        ["none", "100.0", "87.5"],
        ["a", "25.0", "75.0"],
        ["b", "50.0", "12.5"],
    ]


def test_markdown_escapes_what_would_break_a_table():
    text = reports.as_markdown([["a|b", "c"], ["x\ny", "1"]])
    assert text.splitlines() == ["| a\\|b | c |", "|---|---:|", "| x y | 1 |"]


def test_settings_say_how_hard_an_attack_tried():
    assert reports.settings_lines(evaluation())[0] == (
        "a: FGSM (linf, epsilon=0.1)"
    )


def test_the_picture_is_a_png(tmp_path):
    settings = {"name": "PGD", "num_steps": 5, "threat_model": {"norm": "inf"}}
    curve = CurveRecord("m", settings, (0.0, 0.1), (1.0, 0.5), 4)
    path = tmp_path / "curve.png"
    reports.plot_accuracy_against_epsilon([curve, curve], path, trained_at=0.1)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["curve.png"]


def test_the_leaking_picture_is_a_png(tmp_path):
    record = next(r for r in ROWS if isinstance(r, LeakingRecord))
    path = tmp_path / "leaking.png"
    reports.plot_gradient_leaking([record, record], path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["leaking.png"]
    assert reports.leaking_rows(record)[1:] == [
        ["variance of the images", "66.7", "100.0", ""],
        ["loss gradient", "25.0", "100.0", "8"],
    ]


def test_the_surface_picture_is_a_png_and_its_table_says_where(tmp_path):
    record = next(r for r in ROWS if isinstance(r, SurfaceRecord))
    path = tmp_path / "surface.png"
    reports.plot_surfaces([record, record], path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    # Along both axes: -0.5, 0, 0.5 at -0.1, 0, 0.1.
    row = ["0", "0.1", "5"]
    rows = reports.surface_rows(record)
    assert rows[1:] == [["loss", *row], ["random", *row]]


def test_the_curvature_picture_is_a_png_and_its_table_has_medians(tmp_path):
    record = next(r for r in ROWS if isinstance(r, CurvatureRecord))
    path = tmp_path / "curvature.png"
    reports.plot_curvature([record, record], path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    rows = dict(reports.curvature_rows(record)[1:])
    assert rows["median l1 norm of J"] == "3.5"
    assert rows["median largest |lambda|"] == "4"
    assert rows["mean |lambda_i| of the loss"] == "-"
    assert rows["S has a second derivative"] == "no: linear pieces"


def test_the_flatness_picture_is_a_png_and_its_table_has_the_slack(tmp_path):
    record = next(r for r in ROWS if isinstance(r, FlatnessRecord))
    path = tmp_path / "flatness.png"
    reports.plot_flatness([record, record], path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    rows = {row[0]: row[1:] for row in reports.flatness_rows(record)}
    # 1 + 0.5 * 0.75 - 1.25 and 2 + 0.5 * 2 - 3.
    assert rows["slack of theorem 1"] == ["0.0625", "0", "0.125"]


def test_reports_import_no_tensorflow():
    code = (
        "import importlib.util as u, sys, types\n"
        "for name in ('tensorflow', 'keras'):\n"
        "    sys.modules[name] = None\n"
        "sys.modules['tfrobust'] = p = types.ModuleType('tfrobust')\n"
        "p.__path__ = [u.find_spec('tools').submodule_search_locations[0]"
        " + '/../tfrobust']\n"
        "import tfrobust.reports\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
