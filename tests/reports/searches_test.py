"""Searches as tables and pictures."""

import pytest

from tfrobust.records import FinalistRecord
from tfrobust.records import SearchRecord
from tfrobust.records import TrialRecord
from tfrobust.records.searches import pareto_front
from tfrobust.reports import searches


def _trial(number, clean, robust, score, status="completed", message=""):
    values = {"weight": 0.125, "decay": 0.5}
    return TrialRecord(
        number, status, values, 0, 2, clean, robust, score, message
    )


SEARCH = SearchRecord(
    model="sgr",
    model_digest="0" * 64,
    data="digits",
    tuner="random",
    objective="accuracy under PGD-10",
    clean_floor=0.75,
    space={"weight": "Reals(low=0.1, high=1.0)", "decay": "Choices(...)"},
    trials=(
        _trial("0", 0.9, 0.5, 0.5),
        _trial("1", 0.8, 0.625, 0.625),
        _trial("2", 0.7, 0.75, -0.05),
        _trial("3", None, None, None, "failed", "loss is not finite"),
        _trial("4", 0.8, 0.5, 0.5),
    ),
    attacks=("standard",),
    finalists=(
        FinalistRecord("1", 0.8, 0.375, "ok"),
        FinalistRecord("0", 0.9, 0.5, "failed", ("transfer", "noise")),
    ),
    winner="1",
    provenance={"seed": 0},
)


def test_the_best_trial_is_first_and_what_failed_is_last():
    header, *rows = searches.trial_rows(SEARCH)
    assert header[:3] == ["trial", "weight", "decay"]
    assert [row[0] for row in rows] == ["1", "0", "4", "2", "3"]
    assert rows[0] == ["1", "0.125", "0.5", "2", "80.0", "62.5", "0.6250"]
    assert rows[-1][-1] == "failed: loss is not finite"
    assert searches.search_rows(SEARCH)[3] == ["failed", "1"]


def test_the_winner_is_marked():
    _, first, second = searches.finalist_rows(SEARCH)
    assert first == ["1", "80.0", "37.5", "ok", "winner"]
    assert second == ["0", "90.0", "50.0", "failed: transfer, noise", ""]


def test_the_front_is_what_nothing_beats_in_both():
    assert [t.number for t in SEARCH.front] == ["0", "1", "2"]
    assert pareto_front([(0.5, 0.5), (0.5, 0.5), (0.4, 0.5)]) == [0, 1]
    assert pareto_front([]) == []


@pytest.mark.parametrize("winner", ["1", ""])
def test_the_picture_has_trials_front_floor_and_winner(
    winner, tmp_path, monkeypatch
):
    import dataclasses

    kept = []
    monkeypatch.setattr(
        searches, "save_figure", lambda figure, path: kept.append(figure)
    )
    record = dataclasses.replace(SEARCH, winner=winner)
    searches.plot_search(record, tmp_path / "search.png")
    (axes,) = kept[0].axes
    points = axes.collections[0].get_offsets().data.tolist()
    assert points == [[90.0, 50.0], [80.0, 62.5], [70.0, 75.0], [80.0, 50.0]]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert ("winner 1, re-scored" in names) == bool(winner)
    assert "least clean accuracy" in names
    assert "1 failed" in axes.get_title()
