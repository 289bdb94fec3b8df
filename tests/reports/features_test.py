"""Feature records: what they derive, their table, their picture."""

import dataclasses
import json
import math

import pytest
from matplotlib import image
from matplotlib.colors import to_rgb

from tfrobust.records import write_record
from tfrobust.records.features import FeatureRecord
from tfrobust.reports import features as subject
from tfrobust.reports.figures import COLOURS

# Four images; the attack breaks the second and leaves the fourth alone.
_PREDICTIONS = {"clean": (0, 1, 2, 1), "pgd": (0, 2, 2, 1)}
_NEAREST = {"clean": (0, 1, 2, 2), "pgd": (0, 1, 2, 2)}
RECORD = FeatureRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=4,
    labels=(0, 1, 2, 0),
    cluster_classes=(2, 0, 1),
    predictions=_PREDICTIONS,
    nearest_classes=_NEAREST,
    cosines={"clean": (1.0, 0.5, 1.0, 0.5), "pgd": (0.5, 0.0, 0.0, -0.5)},
    perplexity=2.0,
    clean_embedding={"pgd": ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))},
    adversarial_embedding={"pgd": ((0.1, 0.0), (0.0, 0.9), (0.0, 1.1))},
    settings={"pgd": {"name": "PGD"}},
    provenance={"seed": 0},
)
_PLAIN = dataclasses.replace(RECORD, model="plain", cosines=None)


def test_rates_and_cosines_are_counted_by_hand():
    assert RECORD.num_clusters == 3
    assert RECORD.accuracy == {"clean": 0.75, "pgd": 0.5}
    assert RECORD.match_rates == {"clean": 0.75, "pgd": 0.5}
    # Wrong are the fourth alone, then the second and fourth: none matches.
    assert RECORD.wrong_match_rates == {"clean": 0.0, "pgd": 0.0}
    right = dataclasses.replace(RECORD, labels=(0, 1, 2, 1))
    assert right.wrong_match_rates == {"clean": None, "pgd": 0.0}
    moved = dataclasses.replace(RECORD, labels=(0, 1, 0, 0))
    assert moved.wrong_match_rates["pgd"] == pytest.approx(1 / 3)
    assert RECORD.cosine_statistics == {
        "clean": (0.75, 0.25),
        "pgd": (0.0, pytest.approx(math.sqrt(0.125))),
    }


def test_the_table_has_a_row_for_clean_and_one_for_each_attack():
    rows = subject.feature_rows(RECORD)
    assert [len(row) for row in rows] == [6, 6, 6]
    assert rows[1:] == [
        ["clean", "75.0", "75.0", "0.0", "0.750", "0.250"],
        ["pgd", "50.0", "50.0", "0.0", "0.000", "0.354"],
    ]
    assert subject.feature_rows(_PLAIN)[1][-2:] == ["-", "-"]
    right = dataclasses.replace(RECORD, labels=(0, 1, 2, 1))
    assert subject.feature_rows(right)[1][3] == "-"


def test_clean_stands_first_after_a_file_has_sorted_the_names(tmp_path):
    record = dataclasses.replace(
        RECORD,
        predictions={"bim": (0, 2, 2, 1), **_PREDICTIONS},
        nearest_classes={"bim": (0, 2, 2, 1), **_NEAREST},
    )
    rows = subject.feature_rows(record)
    assert [row[0] for row in rows[1:]] == ["clean", "bim", "pgd"]
    write_record(record, tmp_path / "analysis.json")
    data = json.loads((tmp_path / "analysis.json").read_text())
    assert list(data["predictions"]) == ["bim", "clean", "pgd"]
    assert data["kind"] == "FeatureRecord"
    assert data["adversarial_embedding"]["pgd"][1] == [0.0, 0.9]


def test_the_picture_is_a_png_with_a_row_for_each_model_and_attack(tmp_path):
    heights = []
    for records in ([RECORD], [RECORD, _PLAIN]):
        path = tmp_path / "features.png"
        subject.plot_features(records, path)
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert [p.name for p in tmp_path.iterdir()] == ["features.png"]
        heights.append(image.imread(path).shape[0])
    assert heights[1] == 2 * heights[0]


def test_points_are_coloured_by_prediction_and_triangles_by_what_is_asked():
    drawn = []

    class _Axes:
        def scatter(self, xs, ys, *, c, marker, **_):
            drawn.append((marker, list(zip(xs, ys, strict=True)), c))

        def set_xlabel(self, _):
            pass

        set_ylabel = set_xlabel

    # By label 0, 1, 2: the attack's predictions are 0, 2, 2.
    subject._draw_points(_Axes(), RECORD, "pgd", RECORD.labels)
    dots, triangles = drawn
    assert dots[0] == "o" and triangles[0] == "^"
    assert dots[1] == list(RECORD.clean_embedding["pgd"])
    assert triangles[1] == list(RECORD.adversarial_embedding["pgd"])
    assert dots[2] == triangles[2] == list(COLOURS[:3])
    subject._draw_points(_Axes(), RECORD, "pgd", RECORD.predictions["pgd"])
    assert drawn[3][2] == [COLOURS[0], COLOURS[2], COLOURS[2]]


def test_ten_classes_have_ten_colours_and_the_legend_names_all():
    assert len({to_rgb(subject._colour(k)) for k in range(10)}) == 10
    many = dataclasses.replace(RECORD, labels=(0, 10, 20, 13))
    names = [handle.get_label() for handle in subject._legend([many])]
    assert names[:2] == ["clean", "adversarial"]
    assert names[2:] == ["class 0, 10, ...", "class 1", "class 2", "class 13"]
