"""A run becomes a model of the zoo, with what an evaluation found of it."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from tests.tools.tools_test import _FAST
from tests.tools.tools_test import _run
from tfrobust import experiments
from tfrobust import zoo
from tfrobust.evaluation import weights_digest
from tfrobust.records import read_record
from tfrobust.records import write_record
from tools import evaluate
from tools import train
from tools import zoo as zoo_tool


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "run"
    flags = ("--defense=trades", "--num_steps=2", "--beta=3")
    policy = "--dtype_policy=mixed_bfloat16"
    assert not _run(train, *_FAST, *flags, policy, f"--output_dir={path}")
    return path


def _evaluate(model, path, attacks="noise,fgsm", num_examples=50):
    return _run(
        evaluate,
        f"--model={model}",
        "--data=digits",
        f"--attacks={attacks}",
        f"--num_examples={num_examples}",
        "--masking_examples=0",
        f"--output_dir={path}",
    )


def test_from_a_run_to_the_readme(run, tmp_path, capsys):
    place = f"--directory={tmp_path}/models"
    assert not _run(zoo_tool, f"--add={run}", "--name=digits-trades", place)
    loaded = zoo.load("digits-trades", tmp_path / "models")
    # It was trained in a mixed policy; here it answers in float32.
    x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    trained = experiments.load_classifier(run / "last.keras")
    np.testing.assert_allclose(loaded(x), trained(x), rtol=0.05, atol=0.05)
    assert all(layer.compute_dtype == "float32" for layer in loaded.layers)

    card = zoo.card("digits-trades", tmp_path / "models")
    assert card.results == {}
    words = card.command.split()
    assert words[:3] == ["python", "-m", "tools.train"]
    again = tmp_path / "again"
    assert not _run(train, *words[3:], f"--output_dir={again}")
    trained = experiments.load_classifier(again / "last.keras")
    assert weights_digest(zoo.rounded(trained)) == card.model_digest
    assert card.training["data_dir"] is None

    model = tmp_path / "models" / "digits-trades.npz"
    assert not _evaluate(model, tmp_path / "evaluation")
    found = read_record(tmp_path / "evaluation" / "evaluation.json")
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- zoo -->\nold\n<!-- end of zoo -->\nb\n")
    capsys.readouterr()
    flags = (f"--evaluation={tmp_path}/evaluation", "--name=digits-trades")
    assert not _run(zoo_tool, *flags, place, f"--page={page}")
    card = zoo.card("digits-trades", tmp_path / "models")
    worst = 100 * found.worst_case_accuracy
    assert card.results["worst case"] == pytest.approx(worst)
    assert card.num_examples == 50
    line = page.read_text().splitlines()[4]
    assert line.startswith("| digits-trades | trades")
    assert f"| {worst:.2f} | 50 | fgsm, noise | " in line
    # Results stand until somebody means to replace them.
    assert _run(zoo_tool, *flags, place) == 1
    error = capsys.readouterr().err
    assert "has results already, clean, fgsm, noise, worst case; pass" in error
    # A paper's card tells a table's numbers, until these replace them.
    models = tmp_path / "models"
    of = dataclasses.replace(card, results_of="paper, table-1, of others")
    zoo.save(zoo.load("digits-trades", models), of, models)
    assert not _run(zoo_tool, *flags, place, "--overwrite")
    assert zoo.card("digits-trades", models).results_of == ""
    assert "old" not in page.read_text()
    assert page.read_text().endswith("<!-- end of zoo -->\nb\n")
    assert f"{worst:.2f}" in capsys.readouterr().out
    assert not _run(zoo_tool, "--name=digits-trades", place)
    shown = capsys.readouterr().out
    assert f"first 50 test images: clean {card.results['clean']:.2f}" in shown
    assert "what an adaptive attack climbs: TradesLoss" in shown
    assert f"by: {card.command}\n" in shown and len(shown) < 1500


def test_evaluations_of_the_same_images_share_a_card(run, tmp_path, capsys):
    place = f"--directory={tmp_path}"
    assert not _run(zoo_tool, f"--add={run}", "--name=kept", place)
    first, second, fewer = (tmp_path / name for name in ("a", "b", "c"))
    assert not _evaluate(tmp_path / "kept.npz", first)
    assert not _evaluate(tmp_path / "kept.npz", second, "adaptive")
    assert not _evaluate(tmp_path / "kept.npz", fewer, "adaptive", 40)
    both = f"--evaluation={first},{second}"
    assert not _run(zoo_tool, both, "--name=kept", place)
    records = [read_record(p / "evaluation.json") for p in (first, second)]
    worst = np.logical_and(*(record.worst_case for record in records))
    results = zoo.card("kept", tmp_path).results
    assert results["worst case"] == pytest.approx(100 * worst.mean())
    assert [*results] == ["adaptive-40", "clean", "fgsm", "noise", "worst case"]
    unlike = f"--evaluation={first},{fewer}"
    assert _run(zoo_tool, unlike, "--name=kept", place, "--overwrite") == 1
    assert "same images. Received: 50 and 40" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--add=RUN"], "Pass --name"),
        (["--evaluation=OF_RUN"], "Pass --name"),
        (["--name=kep"], "Did you mean 'kept'"),
        (["--add=RUN", "--name=../a"], "`name` must be of letters"),
        (["--add=nowhere", "--name=a"], "no finished training in nowhere"),
        (["--add=RUN", "--name=kept"], "has 'kept' already"),
        (["--add=MIXED", "--name=a"], "last.keras isn't the model of"),
        (["--add=COPIED", "--name=a"], "training.json isn't of"),
        (["--evaluation=OF_RUN", "--name=kept"], "is not of kept as it is"),
        (["--evaluation=OF_SCALED", "--name=kept"], "is not of kept as it is"),
        (["--evaluation=OF_OTHER", "--name=kept"], "is not of kept as it is"),
        (["--evaluation=nowhere", "--name=kept"], "no finished evaluation"),
        (["--evaluation=OF_RUN", "--name=kep"], "Did you mean 'kept'"),
        (["--page=PAGE"], "has no lines"),
        (["--add=RUN", "--name=new", "--page=PAGE"], "has no lines"),
        (["--page=nowhere.md"], "There is no page"),
    ],
)
def test_refused(run, tmp_path, capsys, flags, message):
    place = f"--directory={tmp_path}/models"
    assert not _run(zoo_tool, f"--add={run}", "--name=kept", place)
    before = sorted((tmp_path / "models").iterdir())
    (tmp_path / "page.md").write_text("nothing\n")
    of_run = run.parent / "of_run"
    if not of_run.is_dir():
        assert not _evaluate(run / "last.keras", of_run)
    # The same weights with a layer behind them that has none.
    of_scaled = run.parent / "of_scaled"
    if not of_scaled.is_dir():
        classifier = zoo.load("kept", tmp_path / "models")
        scaled = keras.layers.Rescaling(1000.0)(classifier.output)
        path = run.parent / "scaled.keras"
        keras.Model(classifier.input, scaled).save(path)
        assert not _evaluate(path, of_scaled)
    # A model of the same name with other weights.
    of_other = run.parent / "of_other"
    if not of_other.is_dir():
        other = zoo.load("kept", tmp_path / "models")
        other.set_weights([0 * weight for weight in other.get_weights()])
        card = zoo.card("kept", tmp_path / "models")
        digest = {"model_digest": weights_digest(other)}
        zoo.save(other, dataclasses.replace(card, **digest), run.parent)
        assert not _evaluate(run.parent / "kept.npz", of_other)
    # Another training's weights.
    mixed = shutil.copytree(run, tmp_path / "mixed")
    model = keras.models.load_model(mixed / "last.keras")
    model.classifier.set_weights(
        [0 * weight for weight in model.classifier.get_weights()]
    )
    model.save(mixed / "last.keras")
    copied = shutil.copytree(run, tmp_path / "copied")
    record = read_record(run / "training.json")
    configuration = record.configuration | {"defense": "mart"}
    write_record(
        dataclasses.replace(record, configuration=configuration),
        copied / "training.json",
    )
    named = {"RUN": run, "OF_RUN": of_run, "PAGE": tmp_path / "page.md"}
    named |= {"OF_SCALED": of_scaled, "OF_OTHER": of_other, "MIXED": mixed}
    named |= {"COPIED": copied}
    for word, path in sorted(named.items(), key=lambda item: -len(item[0])):
        flags = [f"{f}".replace(f"={word}", f"={path}") for f in flags]
    capsys.readouterr()
    assert _run(zoo_tool, *flags, place) == 1
    assert message in capsys.readouterr().err
    assert sorted((tmp_path / "models").iterdir()) == before
    keras.utils.clear_session()
