"""A table of a paper: run, kept, gone on with, and laid out."""

import dataclasses
import errno
import json
import pathlib
import statistics

import keras
import numpy as np
import pytest

from tfrobust import experiments
from tfrobust import recipes
from tfrobust import zoo
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import estimates
from tfrobust.experiments import paper_pages
from tfrobust.experiments import paper_transfers
from tfrobust.experiments import provenance
from tfrobust.experiments import reproducing
from tfrobust.experiments import transferring
from tfrobust.experiments.paper_rows import slug
from tfrobust.experiments.papers import PAPERS
from tfrobust.experiments.papers import readings
from tfrobust.experiments.papers import settings
from tfrobust.experiments.papers.looks import Analyzed
from tfrobust.experiments.papers.looks import Attacked
from tfrobust.experiments.papers.tables import Column
from tfrobust.experiments.papers.tables import PaperModel
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.records import AttackRecord
from tfrobust.records import CheckRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import read_record
from tfrobust.records import RowRecord
from tfrobust.records import write_record

# One of transfers, one of pictures, one of attacks; the rest take long.
_QUICK = {
    ("gradient-leaking", "figure-4"),
    ("local-flatness", "table-1-long"),
    ("structured-gradient", "table-1"),
}
SMOKE = [
    pytest.param(
        *key, marks=[] if key in _QUICK else pytest.mark.slow, id="-".join(key)
    )
    for key in ((p, t) for p, tables in PAPERS.items() for t in tables)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return where models are, for tables share theirs."""
    return tmp_path_factory.mktemp("papers")


def _run(models, paper, table, **arguments):
    said = []
    rows = experiments.reproduce(
        paper, table, models, scale="smoke", say=said.append, **arguments
    )
    return rows, said


@pytest.mark.parametrize("paper, name", SMOKE)
def test_smoke(models, paper, name):
    rows, _ = _run(models, paper, name)
    table = PAPERS[paper][name]
    assert {row.row for row in rows} == set(table.models)
    text = (models / paper / f"{name}-smoke.md").read_text()
    for row in rows:
        sources = list(table.models) if table.transfer is not None else []
        wanted = [c.title for c in table.columns] + sources
        assert sorted(row.values) == sorted(wanted)
        for value in row.values.values():
            assert value is None or f"{round(value, 4):.4g}" in text
        for number in table.published.get(row.row, ()):
            assert f"({number:g})" in text
    pictures = list((models / paper / f"{name}-smoke").glob("*.png"))
    assert bool(pictures) == bool(table.pictures)
    for picture in pictures:
        assert f"]({name}-smoke/{picture.name})" in text


@pytest.fixture
def tiny(monkeypatch):
    table = PaperTable(
        caption="Two models",
        settings={"smoke": settings.SMOKE},
        models={
            "plain": PaperModel(seeds={"smoke": (0, 1)}),
            "GN, 3": PaperModel("gradient_norm", {"weight": 3.0}),
        },
        looks={"fgsm": Attacked({"attacks": ("fgsm",)})},
        columns=(
            Column("clean", "fgsm", readings.clean),
            Column("FGSM", "fgsm", readings.accuracy("fgsm")),
        ),
        published={"plain": (90.0, 12.5)},
    )
    monkeypatch.setitem(PAPERS, "tiny", {"table-1": table})
    return table


def test_rows_are_kept_and_only_what_changed_is_done_again(
    tmp_path, tiny, monkeypatch
):
    records = tmp_path / "records"

    def run(**arguments):
        return _run(
            tmp_path / "runs",
            "tiny",
            "table-1",
            records_dir=records,
            **arguments,
        )

    rows, said = run(rows=["gn_3"])
    assert [r.row for r in rows] == ["GN, 3"]
    page = (records / "tiny" / "table-1-smoke.md").read_text()
    assert "| plain (not run) | - (90) | - (12.5) |" in page
    where = records / "tiny" / "table-1-smoke"
    assert said[-1] == f"Page: {where}.md, from the records in {where}."
    rows, said = run(num_seeds=1)
    assert [(r.row, r.provenance["seed"]) for r in rows] == [
        ("plain", 0),
        ("GN, 3", 0),
    ]
    rows, said = run()
    assert [(r.row, r.provenance["seed"]) for r in rows] == [
        ("plain", 0),
        ("plain", 1),
        ("GN, 3", 0),
    ]
    # A row's numbers are those of the evaluation of its own model.
    found = [
        read_record(path)
        for path in (tmp_path / "runs").rglob("evaluation.json")
    ]
    by_digest = {record.model_digest: record for record in found}
    for row in rows:
        record = by_digest[row.model_digest]
        assert row.values == {
            "clean": pytest.approx(100 * record.clean_accuracy),
            "FGSM": pytest.approx(100 * record.attacks[0].robust_accuracy),
        }
        assert "data_dir" not in row.training
    # Of each row the first seed's weights are kept, as float16.
    names = zoo.names(records / "models")
    assert len(names) == 2
    for name in names:
        last = tmp_path / "runs" / "models" / name / "last.keras"
        original = keras.models.load_model(last).classifier
        loaded = zoo.load(name, records / "models")
        for ours, theirs in zip(
            loaded.get_weights(), original.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs.astype("float16"))
    files = {p: p.stat().st_mtime_ns for p in records.rglob("*.json")}
    run()
    assert files == {p: p.stat().st_mtime_ns for p in records.rglob("*.json")}
    # With another weight it is another row, and the old model stays.
    other = PaperModel("gradient_norm", {"weight": 5.0})
    changed = dataclasses.replace(tiny, models=tiny.models | {"GN, 3": other})
    monkeypatch.setitem(PAPERS, "tiny", {"table-1": changed})
    rows, _ = run()
    (row,) = [r for r in rows if r.row == "GN, 3"]
    assert row.training["settings"] == {"weight": 5.0}
    assert len(list((tmp_path / "runs" / "models").iterdir())) == 4


def test_rows_on_record_meet_each_others_points(tmp_path, tiny, monkeypatch):
    attacked, made, left_out = {"attacks": ("fgsm",)}, [], []

    def matrix(config, say):
        made.append([pathlib.Path(m).parent.name for m in config.models])
        record = transferring.transfer(config, say=say)
        # A row for each source, in it each target.
        return dataclasses.replace(
            record, accuracy={"fgsm": ((0.1, 0.2), (0.3, 0.4))}
        )

    monkeypatch.setattr(paper_transfers, "transfer", matrix)

    def run(**arguments):
        table = dataclasses.replace(tiny, transfer=attacked)
        monkeypatch.setitem(PAPERS, "tiny", {"table-1": table})
        rows, said = _run(tmp_path, "tiny", "table-1", **arguments)
        left_out[:] = [s for s in said if "meets no" in s]
        of = {f"{r.row} {r.provenance['seed']}": r.values for r in rows}
        met = {"plain", "GN, 3"}
        return {
            name: {k: v for k, v in values.items() if k in met}
            for name, values in of.items()
        }

    # One row alone meets nobody; then all do, once.
    assert run(rows=["gn_3"]) == {"GN, 3 0": {}}
    assert left_out == ["GN, 3 meets no points: these want two rows or more."]
    whole = {
        "plain 0": {"plain": 10.0, "GN, 3": 30.0},
        "plain 1": {},
        "GN, 3 0": {"plain": 20.0, "GN, 3": 40.0},
    }
    assert made == [] and run() == run() == whole
    ((plain, gn),) = made
    assert "standard" in plain and "gradient_norm" in gn
    # Numbers stay where a model is gone.
    model = tmp_path / "models" / plain / "last.keras"
    kept = tmp_path / "models" / f"{plain}.npz"
    moved, hidden = tmp_path / "moved", tmp_path / "hidden"
    model.rename(moved)
    kept.rename(hidden)
    assert run(rows=["gn_3"]) == whole and len(made) == 1
    assert [line.split(" meets")[0] for line in left_out] == ["plain"]
    # Kept weights stand for those that were rounded to them, and say so;
    # also where their card doesn't tell what an adaptive attack climbs.
    page = tmp_path / "tiny" / "table-1-smoke.md"
    hidden.rename(kept)
    card = json.loads(kept.with_suffix(".json").read_text())
    silent = json.dumps(card | {"adaptive_objective": None})
    kept.with_suffix(".json").write_text(silent)
    assert "as kept" not in page.read_text()
    attacked["epsilon"] = 0.05
    assert run(rows=["gn_3"]) == whole and len(made) == 2 and not left_out
    told = "test images (plain: weights rounded to float16, as kept):"
    assert told in page.read_text()
    # They go with what they are of.
    record = tmp_path / "tiny" / "table-1-smoke" / "plain-0.json"
    other = dataclasses.replace(read_record(record), model_digest="0" * 64)
    write_record(other, record)
    lone = {"plain 0": {}, "plain 1": {}, "GN, 3 0": {"GN, 3": 40.0}}
    assert run() == lone and len(left_out) == 1
    moved.rename(model)
    assert run() == lone and len(left_out) == 1
    assert len(made) == 2


def test_what_is_not_the_rows_is_no_record_of_it(tmp_path, tiny, monkeypatch):
    place = tmp_path / "tiny" / "table-1-smoke"
    _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    kept = (place / "gn_3-0.json").read_text()
    # Another row's record under this row's name.
    (place / "plain-0.json").write_text(kept)
    rows, _ = _run(tmp_path, "tiny", "table-1", rows=["plain"])
    assert [(r.row, r.training["seed"]) for r in rows] == [
        ("plain", 0),
        ("plain", 1),
        ("GN, 3", 0),
    ]
    (place / "gn_3-0 (copy).json").write_text(kept)
    rows, _ = _run(tmp_path, "tiny", "table-1")
    assert len(rows) == 3
    # Numbers of other attacks are not this table's.
    look = Attacked({"attacks": ("fgsm",), "epsilon": 0.1})
    changed = dataclasses.replace(tiny, looks={"fgsm": look})
    monkeypatch.setitem(PAPERS, "tiny", {"table-1": changed})
    rows, _ = _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    assert [r.row for r in rows] == ["GN, 3"]
    assert "epsilon=0.1," in rows[0].budgets[0]


def test_what_is_no_record_is_refused_before_a_training(tmp_path, tiny):
    place = tmp_path / "tiny" / "table-1-smoke"
    place.mkdir(parents=True)
    (place / "plain-1.json").write_text('{"kind": "Row')
    with pytest.raises(ValueError, match="plain-1.json is not a record"):
        _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("place", ["runs/models", "records/models"])
def test_what_is_in_the_way_is_told_before_a_training(tmp_path, tiny, place):
    (tmp_path / place).parent.mkdir()
    (tmp_path / place).write_text("a file")
    with pytest.raises(ValueError, match=f"{place} can't be made: a file is"):
        _run(
            tmp_path / "runs",
            "tiny",
            "table-1",
            records_dir=tmp_path / "records",
        )
    assert not list(tmp_path.rglob("*.keras"))


def test_a_directory_of_others_is_told_before_a_training(
    tmp_path, tiny, monkeypatch
):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(reproducing.tempfile, "TemporaryFile", refuse)
    message = "table-1-smoke can't be written to: Permission denied"
    with pytest.raises(ValueError, match=message):
        _run(tmp_path, "tiny", "table-1")
    assert not (tmp_path / "models").exists()


def test_weights_are_kept_again_where_they_are_lost_or_anothers(tmp_path, tiny):
    def run():
        _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
        (tmp_path / "tiny" / "table-1-smoke" / "gn_3-0.json").unlink()

    run()
    (weights,) = (tmp_path / "models").glob("*.npz")
    kept = zoo.load(weights.stem, tmp_path / "models").get_weights()
    for harm in (weights.unlink, lambda: weights.write_bytes(b"")):
        harm()
        run()
        found = zoo.load(weights.stem, tmp_path / "models").get_weights()
        for ours, theirs in zip(found, kept, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_row_is_kept_where_float16_cant_hold_its_weights(
    tmp_path, tiny, monkeypatch
):
    monkeypatch.setattr(zoo, "rounded", lambda model: _scaled(model, 1e30))
    _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    assert (tmp_path / "tiny" / "table-1-smoke" / "gn_3-0.json").is_file()
    assert not list((tmp_path / "models").glob("*.npz"))


def _scaled(model, factor):
    """Return a copy with larger weights, as float16 keeps of them."""
    copy = keras.models.clone_model(model)
    weights = [factor * w for w in model.get_weights()]
    copy.set_weights([w.astype("float16") for w in weights])
    return copy


def test_kept_weights_stand_for_a_training_that_is_gone(tmp_path, tiny):
    records = tmp_path / "records"

    def run(output):
        rows, _ = _run(
            tmp_path / output, "tiny", "table-1", records_dir=records
        )
        for path in (records / "tiny" / "table-1-smoke").glob("*.json"):
            path.unlink()
        return {(r.row, r.provenance["seed"]): r for r in rows}

    first = run("here")
    page = (records / "tiny" / "table-1-smoke.md").read_text()
    assert not first["GN, 3", 0].provenance["rounded"]
    assert "as kept" not in page
    again = run("elsewhere")
    page = (records / "tiny" / "table-1-smoke.md").read_text()
    assert "; as kept: rounded to float16, as `zoo.load`" in page
    names = {row.split("-")[1]: row for row in zoo.names(records / "models")}
    for row, defense in (("plain", "standard"), ("GN, 3", "gradient_norm")):
        card = zoo.card(names[defense], records / "models")
        found = again[row, 0]
        assert found.model_digest == card.model_digest
        assert found.model_digest != first[row, 0].model_digest
        assert found.seconds == first[row, 0].seconds
        assert found.provenance["rounded"]
        told = f"; {names[defense]} ({card.model_digest[:8]}), as kept\n"
        assert told in page
        # The card tells what the page tells, and still whose they were.
        assert card.results == found.values
        assert "float32" not in card.results_of
        assert card.rounded_from == first[row, 0].model_digest
    # A second seed isn't kept, so it is trained.
    trained = {p.parent.name for p in tmp_path.rglob("elsewhere/**/last.keras")}
    assert len(trained) == 1 and not trained & set(names.values())
    assert not again["plain", 1].provenance["rounded"]
    # What was trained here comes before what is kept.
    assert run("here") == first
    for path in (records / "models").glob("*.npz"):
        path.write_bytes(b"")
    # Where kept weights were attacked there can be trained, and the reverse.
    third = run("elsewhere")
    assert not any(r.provenance["rounded"] for r in third.values())
    for path in (tmp_path / "here").rglob("last.keras"):
        path.unlink()
    assert run("here")["GN, 3", 0].provenance["rounded"]


def test_what_was_attacked_at_another_revision(tmp_path, tiny, monkeypatch):
    def run_at(revision):
        monkeypatch.setattr(provenance, "revision", lambda: revision)
        rows, _ = _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
        (tmp_path / "tiny" / "table-1-smoke" / "gn_3-0.json").unlink()
        return rows[0], (tmp_path / "tiny" / "table-1-smoke.md").read_text()

    first, page = run_at("one")
    assert "; trained at revisions one; evaluated at revisions one)" in page
    # Whole, it stays and says so.
    again, page = run_at("other")
    assert again == first and again.provenance["evaluated_at"] == ["one"]
    # Torn, it begins anew: no record is of two revisions.
    (record,) = tmp_path.rglob("evaluation.json")
    record.unlink()
    anew, page = run_at("other")
    assert anew.values == first.values
    assert anew.provenance["evaluated_at"] == ["other"]
    assert "trained at revisions one; evaluated at revisions other)" in page


def test_a_retrained_model_is_attacked_anew(tmp_path, tiny, monkeypatch):
    monkeypatch.setitem(PAPERS, "tiny", {"table-1": tiny, "table-2": tiny})

    def run(table):
        (row,), _ = _run(tmp_path, "tiny", table, rows=["gn_3"])
        (name,) = zoo.names(tmp_path / "models")
        return row, zoo.card(name, tmp_path / "models")

    first, card = run("table-1")
    # The same weights have the first table's card.
    assert run("table-2")[1] == card
    (tmp_path / "tiny" / "table-2-smoke" / "gn_3-0.json").unlink()
    (last,) = tmp_path.rglob("last.keras")
    model = keras.models.load_model(last)
    weights = [np.zeros_like(w) for w in model.classifier.get_weights()]
    model.classifier.set_weights(weights)
    model.save(last)
    training = last.with_name("training.json")
    digest = weights_digest(model.classifier)
    told = json.loads(training.read_text()) | {"model_digest": digest}
    training.write_text(json.dumps(told))
    # All logits are the same, so the first class is what is said.
    zeros = 100 * np.mean(recipes.load_data("digits").test.y[:20] == 0)
    second, card = run("table-2")
    assert second.values["clean"] == pytest.approx(zeros)
    kept = zoo.load(card.name, tmp_path / "models").get_weights()
    assert not any(w.any() for w in kept)
    assert first.values["clean"] != pytest.approx(zeros)


@pytest.mark.parametrize("spoiled", ["torn", "other", "fewer"])
def test_what_is_no_such_evaluation_is_made_anew(tmp_path, tiny, spoiled):
    (row,), _ = _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    record = tmp_path / "tiny" / "table-1-smoke" / "gn_3-0.json"
    (path,) = tmp_path.rglob("evaluation.json")
    whole = json.loads(path.read_text())
    whole["provenance"]["configuration"]["num_examples"] = 5
    text = {
        "torn": "{",
        "other": record.read_text(),
        "fewer": json.dumps(whole),
    }
    path.write_text(text[spoiled])
    record.unlink()
    (again,), _ = _run(tmp_path, "tiny", "table-1", rows=["gn_3"])
    assert again.values == row.values
    asked = json.loads(path.read_text())["provenance"]["configuration"]
    assert asked["num_examples"] == 20


def test_pictures_are_of_the_weights_on_record(tmp_path, tiny, monkeypatch):
    looks = {
        "noise": Analyzed("noise", {"decay_lengths": (1.0,), "norm": "inf"})
    }
    drawn = dataclasses.replace(
        tiny, looks=looks, columns=(), pictures=("noise",)
    )
    monkeypatch.setitem(PAPERS, "tiny", {"figure-1": drawn})
    where = tmp_path / "tiny" / "figure-1-smoke"

    def pictures():
        return {p.name: p.stat().st_mtime_ns for p in where.glob("*.png")}

    def run(**arguments):
        return _run(tmp_path, "tiny", "figure-1", **arguments)[1]

    run(num_seeds=1)
    first = pictures()
    assert first
    # A second seed is in no picture.
    run()
    assert pictures() == first
    # A row that is made anew is in none of those that were there.
    (where / "gn_3-0.json").unlink()
    run(rows=["gn_3"])
    assert not pictures()
    run()
    drawn = pictures()
    assert drawn.keys() == first.keys()
    for path in where.glob("*.png"):
        path.unlink()
    # Kept weights serve, and others than are on record don't.
    (last,) = tmp_path.rglob("*gradient_norm*/last.keras")
    whole = last.rename(tmp_path / "moved")
    run()
    assert pictures().keys() == first.keys()
    model = keras.models.load_model(whole.rename(last))
    model.classifier.set_weights(
        [w + 1.0 for w in model.classifier.get_weights()]
    )
    model.save(last)
    for path in where.glob("*.png"):
        path.unlink()
    assert any(
        "Not drawn: no weights as on record of GN, 3" in s for s in run()
    )
    assert not pictures()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"paper": "lfr"}, "`paper` must be"),
        ({"table": "table-9"}, "`table` must be"),
        ({"rows": ["LFF"]}, "Did you mean 'lfr'"),
        ({"scale": "gpu"}, "`scale` must be"),
        ({"num_seeds": 0}, "`num_seeds` must be at least 1"),
    ],
)
def test_unknown_names(tmp_path, arguments, message):
    usual = {"paper": "local-flatness", "table": "table-1"} | arguments
    paper, table = usual.pop("paper"), usual.pop("table")
    with pytest.raises(ValueError, match=message):
        experiments.reproduce(paper, table, tmp_path / "x", **usual)
    assert not (tmp_path / "x").exists()


@pytest.mark.usefixtures("tiny")
def test_a_damaged_probe_is_told_before_anything_is_trained(tmp_path):
    work = reproducing.paper_work("tiny", "table-1", "smoke", tmp_path)
    path = estimates.probe_path(tmp_path, work, "GN, 3")
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(ValueError, match="is not a record"):
        _run(tmp_path, "tiny", "table-1")
    write_record(_row("GN, 3", {}), path)
    with pytest.raises(ValueError, match="is no probe; remove it"):
        _run(tmp_path, "tiny", "table-1")
    assert not list((tmp_path / "models").rglob("*.keras"))


def _row(row, values, seed=0, **changes):
    return RowRecord(
        paper="p",
        table="t",
        scale="cpu",
        row=row,
        values=values,
        budgets=(),
        masking=(),
        examples={},
        training={
            "data": "mnist",
            "defense": "standard",
            "settings": {},
            "architecture": "small_cnn",
            "epochs": 1,
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "batch_size": 128,
        },
        seconds=90.0,
        model_digest="",
        provenance={
            "seed": seed,
            "revision": "abc",
            "tensorflow": "2",
            "keras": "3",
        },
        **changes,
    )


def _table(models, columns, **arguments):
    return PaperTable(
        caption="C",
        settings={"cpu": settings.MNIST_CPU},
        models={name: PaperModel() for name in models},
        columns=tuple(Column(c, "look", None) for c in columns),
        **arguments,
    )


def test_a_row_is_read_as_it_was_written(tmp_path):
    check = CheckRecord("zero gradients", 0.25, "suspicious", "A share.")
    row = dataclasses.replace(_row("a", {"norm": None}), masking=(check,))
    write_record(row, tmp_path / "a.json")
    assert read_record(tmp_path / "a.json") == row


def test_a_page_says_that_an_origin_is_unknown():
    row = dataclasses.replace(_row("a", {"clean": 1.0}), provenance={})
    table = _table("a", ["clean"])
    text = paper_pages.page_text("p", "t", "cpu", table, [row])
    versions = "tensorflow unknown, keras unknown"
    assert f"({versions}; trained at revisions unknown)" in text


def test_every_page_of_cifar10_tells_of_its_jpeg_images():
    tables = [
        (paper, name, table)
        for paper, found in PAPERS.items()
        for name, table in found.items()
    ]
    told = {
        (
            table.settings["cpu"].training["data"],
            "JPEG" in paper_pages.page_text(paper, name, "cpu", table, []),
        )
        for paper, name, table in tables
    }
    assert told == {("mnist", False), ("cifar10", True)}


def test_seeds_are_averaged_beside_the_paper():
    table = _table("ab", ["clean"], published={"a": (99.5,), "b": (98,)})
    values = [90.0, 92.0, 97.0]
    records = [_row("a", {"clean": v}, s) for s, v in enumerate(values)]
    rows = paper_pages.paper_rows(table, records, {"b": " (estimate 2 h)"})
    deviation = statistics.stdev(values)
    assert rows[1] == ["a", f"93 ± {deviation:.2g} (99.5)", "-", "3", "1.5"]
    assert rows[2][:2] == ["b (not run (estimate 2 h))", "- (98)"]


def test_what_does_not_survive_comes_first():
    table = _table("abc", ["clean", "adaptive", "AutoAttack"])
    records = [
        _row("a", {"clean": 99.0, "adaptive": 40.0, "AutoAttack": 9.0}),
        _row("b", {"clean": 99.0, "adaptive": 11.0, "AutoAttack": None}),
        _row("c", {"clean": 99.0, "adaptive": 2.0, "AutoAttack": 30.0}),
    ]
    text = paper_pages.page_text("p", "t", "cpu", table, records)
    assert "- a: 9.0 % is left\n- c: 2.0 % is left" in text
    assert "- b:" not in text.split("| row")[0]
    assert text.index("does not survive") < text.index("| row")
    assert "- a: standard (no settings), small_cnn on mnist, 1 epochs" in text


def test_attacks_that_not_all_rows_have_name_theirs():
    budgets = {
        "a": ("look: pgd: 1", "look: own: 2", "other: fgsm: 1"),
        "b": ("look: pgd: 1", "look: own: 3"),
        "c": ("look: pgd: 1", "look: own: 3"),
    }
    records = [
        dataclasses.replace(_row(name, {"clean": 1.0}), budgets=lines)
        for name, lines in budgets.items()
    ]
    looks = {"look": Attacked({"attacks": ("pgd",)})}
    table = _table("abc", ["clean"], looks=looks)
    text = paper_pages.page_text("p", "t", "cpu", table, records)
    assert text.endswith(
        "Attacks in the run behind clean, on the first 1,000 test images:"
        "\n\n- pgd: 1\n- own: 2: a\n- own: 3: b, c\n"
    )


def test_points_that_rows_meet_are_told_with_their_radius():
    attacked = {"attacks": ("pgd",), "epsilon": 0.2}
    table = _table("ab", [], transfer=attacked)
    text = paper_pages.page_text(
        "p", "t", "cpu", table, [_row("a", {"a": 1.0})]
    )
    told = "Points of the columns that are named after rows, of the first 1,000"
    assert f"{told} test images:\n\n- pgd-40: PGD (linf, epsilon=0.2, " in text


@pytest.mark.parametrize(
    "columns, told",
    [
        (["clean", "AutoAttack"], ". AutoAttack is no column of the"),
        (
            ["adaptive", "clean", "AutoAttack"],
            ". adaptive and AutoAttack are no columns of the",
        ),
        (["clean"], "several. masking is"),
    ],
)
def test_only_columns_that_are_there_are_said_to_be_ours(columns, told):
    text = paper_pages.page_text("p", "t", "cpu", _table("a", columns), [])
    assert told in text


def test_what_masks_is_named_with_its_worst_number():
    def row(name, seed, *checks):
        told = tuple(CheckRecord(*check, "A share.") for check in checks)
        return dataclasses.replace(_row(name, {}, seed), masking=told)

    records = [
        row("a", 0, ("losses", 0.1, "suspicious"), ("adaptive", 0.0, "ok")),
        row("a", 1, ("losses", 0.25, "failed"), ("adaptive", 0.0, "ok")),
        row("a", 2, ("zero gradients", 0.02, "suspicious")),
        row("b", 0, ("losses", 0.0, "ok")),
    ]
    text = paper_pages.page_text("p", "t", "cpu", _table("ab", []), records)
    assert (
        "each:\n\n- a: losses 0.25 (failed), zero gradients 0.02 (suspicious)"
        "\n\n"
    ) in text


def test_means_have_four_digits_and_four_decimals_at_most():
    values = [0.0, 0.0, 0.1]
    records = [_row("a", {"clean": v}, s) for s, v in enumerate(values)]
    rows = paper_pages.paper_rows(_table("a", ["clean"]), records)
    assert rows[1][1] == "0.0333 ± 0.058"
    (row,) = paper_pages.paper_rows(
        _table("a", ["norm"]), [_row("a", {"norm": 1.23456})]
    )[1:]
    assert row[1] == "1.235"


def test_the_regression_is_of_roots_where_the_paper_takes_them():
    models = "abcd"
    shares = dict(zip(models, (0.01, 0.04, 0.09, 0.25), strict=True))
    # The norm is a line in the root of alpha: R2 is 1 there alone.
    records = [
        _row(m, {"alpha": s, "other": s, "norm": 2 + 3 * s**0.5})
        for m, s in shares.items()
    ]
    table = _table(
        models, ["alpha", "other", "norm"], response="norm", roots=("alpha",)
    )
    text = paper_pages.page_text("p", "t", "cpu", table, records)
    assert "| sqrt(alpha) | 1.000 | rises | 4 of 4 |" in text
    falling = [
        dataclasses.replace(r, values=r.values | {"norm": -r.values["norm"]})
        for r in records
    ]
    text = paper_pages.page_text("p", "t", "cpu", table, falling)
    assert "| sqrt(alpha) | 1.000 | falls | 4 of 4 |" in text
    assert "| other | 1.000 |" not in text and "| other | 0.9" in text


def _evaluation(robust, norms):
    return EvaluationRecord(
        model="m",
        model_digest="",
        data="d",
        split="test",
        clean=(True, True, False, True),
        attacks=(AttackRecord("ddn-20", {}, robust, norms),),
        provenance={},
    )


def test_norms_are_of_what_an_attack_broke():
    record = _evaluation((False, True, False, False), (1.0, 9.0, 0.0, 4.0))
    assert readings.norm_of("ddn")(record) == pytest.approx(2.5)
    assert readings.accuracy("ddn")(record) == 25.0
    unbroken = _evaluation((True, True, False, True), (0.0,) * 4)
    assert readings.norm_of("ddn")(unbroken) is None
    with pytest.raises(ValueError, match="pgd is not among ddn-20"):
        readings.accuracy("pgd")(record)


def test_a_rows_file_is_named_without_signs():
    assert slug("CrossEntropy, weight 0.1") == "crossentropy_weight_0.1"
    assert slug(".1") == "1"
