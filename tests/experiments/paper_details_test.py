"""What pages tell of networks, images and attacks."""

import dataclasses

import pytest

from tests.experiments.rows import probe
from tfrobust.experiments import estimates
from tfrobust.experiments import paper_details
from tfrobust.experiments.models import load_classifier
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.reproducing import paper_work
from tfrobust.records import write_record


def test_a_page_names_the_network_that_stands_for_the_papers():
    table = PAPERS["gradient-leaking"]["table-2"]
    (told,) = paper_details.stand_ins(table, "cpu")
    assert told == (
        "At scale cpu nine_layer_cnn, width 32 stands for densenet_bc."
    )
    assert paper_details.stand_ins(table, "paper") == []
    narrower = PAPERS["decision-surface"]["table-2"]
    assert paper_details.stand_ins(narrower, "cpu") == [
        "At scale cpu ds_convnet, width 16 stands for ds_convnet of the "
        "paper's width."
    ]
    same = PAPERS["local-flatness"]["table-1"]
    assert paper_details.stand_ins(same, "cpu") == []


def test_a_page_says_which_columns_are_of_other_images():
    tables = PAPERS["manifold-aware"]
    (told,) = paper_details.image_counts(tables["table-1"], "cpu")
    assert told.startswith(
        "Test images: the first 1,000; the first 200 for DDN. Only columns"
    )
    (told,) = paper_details.image_counts(tables["table-5"], "cpu")
    assert told == "Test images: the first 1,000."
    (told,) = paper_details.image_counts(tables["table-4"], "paper")
    assert told == "Test images: all."
    (told,) = paper_details.image_counts(tables["table-5"], "paper")
    assert told == "Test images: the first 1,000."


def test_rows_under_each_others_points_are_of_the_settings_images():
    table = PAPERS["structured-gradient"]["table-4"]
    counts = paper_details.num_examples(table, "cpu")
    assert (counts["sgr_sign"], counts["AutoAttack"]) == (1000, 500)
    assert paper_details.num_examples(table, "paper")["sgr_sign"] is None
    few = dataclasses.replace(table, transfer={"num_examples": 7})
    assert paper_details.num_examples(few, "cpu")["gn"] == 7


@pytest.mark.parametrize(
    "row, steps", [("MAT", None), ("MAT, SO", None), ("MAT, BIBO", 7)]
)
def test_mats_other_terms_have_no_inner_maximisation(row, steps):
    table = PAPERS["manifold-aware"]["table-4"]
    config = table.models[row].config(table.settings["cpu"], "cpu", 0, None)
    assert estimates.inner_steps(config) == steps


def test_a_kept_model_is_not_trained_again(tmp_path):
    work = paper_work("manifold-aware", "table-5", "cpu", tmp_path)
    path = estimates.probe_path(tmp_path, work, "MAT")
    path.parent.mkdir()
    write_record(probe(steps=600), path)
    # Three seeds, six minutes each.
    assert estimates.estimates(work, tmp_path) == {"MAT": " (estimate 0.30 h)"}
    (tmp_path / "models").mkdir()
    for seed, left in ((0, "estimate 0.20 h"), (1, "estimate 0.10 h")):
        name = work.directory("MAT", seed).name
        (tmp_path / "models" / f"{name}.npz").touch()
        assert estimates.estimates(work, tmp_path) == {"MAT": f" ({left})"}
    name = work.directory("MAT", 2).name
    (tmp_path / "models" / f"{name}.npz").touch()
    told = estimates.estimates(work, tmp_path)
    assert told == {"MAT": " (minutes, of a kept model)"}


def test_weights_that_are_not_kept_are_said_to_be_missing(tmp_path):
    with pytest.raises(ValueError, match="There is no model file .*one.npz"):
        load_classifier(tmp_path / "one.npz")
