"""Evaluations on disk: killed, resumed, in shards, the very same bytes."""

import dataclasses
import json
import shutil

import keras
import pytest

from tests import networks
from tfrobust import evaluation
from tfrobust import experiments
from tfrobust import recipes
from tfrobust.attacks import PGD
from tfrobust.experiments.masked_models import behind
from tfrobust.experiments.masked_models import Quantized
from tfrobust.experiments.outcome_log import OutcomeLog
from tfrobust.experiments.outcome_log import read_outcomes
from tfrobust.experiments.shards import Shard
from tfrobust.objectives import Margin
from tfrobust.records import read_record
from tfrobust.threat_model import NormBall


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.keras"
    data = recipes.load_data("digits").train
    network = _network()
    network.compile("adam", networks.sparse_loss(), jit_compile=False)
    network.fit(data.images(), data.y, epochs=5, verbose=0)
    network.save(path)
    return path


def _network():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(9, activation="relu"),
            layers.Dense(10),
        ]
    )


def _config(model, **changes):
    settings = {
        "attacks": ("noise", "pgd"),
        "num_steps": 2,
        "num_examples": 50,
        "batch_size": 20,
        "masking_examples": 0,
    }
    return experiments.EvaluationConfig(str(model), **settings | changes)


def _evaluate(config, directory, **options):
    return experiments.evaluate(
        config, directory, say=lambda _: None, **options
    )


class _Killed(BaseException):
    pass


def _killed_after(count, monkeypatch):
    """Let the outcome log die after so many outcomes."""
    written = []
    put = OutcomeLog.__setitem__

    def dying(log, key, outcome):
        if len(written) == count:
            raise _Killed
        written.append(key)
        put(log, key, outcome)

    monkeypatch.setattr(OutcomeLog, "__setitem__", dying)


@pytest.mark.parametrize("count", [0, 4, 7])
def test_killed_and_resumed_it_writes_the_same_bytes(
    model, tmp_path, monkeypatch, count
):
    config = _config(model)
    _evaluate(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        _killed_after(count, patch)
        with pytest.raises(_Killed):
            _evaluate(config, tmp_path / "parts")
    log = tmp_path / "parts" / "outcomes.jsonl"
    assert len(log.read_text().splitlines()) == 1 + count
    # A kill in the middle of a line leaves it torn.
    log.write_text(log.read_text() + '{"attack": "pgd-2", "ba')
    assert not (tmp_path / "parts" / "evaluation.json").exists()
    _evaluate(config, tmp_path / "parts", resume=True)
    whole, parts = (
        (tmp_path / name / "evaluation.json").read_bytes()
        for name in ("whole", "parts")
    )
    assert whole == parts


def test_what_is_done_is_not_done_again(model, tmp_path, monkeypatch):
    config = _config(model)
    _evaluate(config, tmp_path / "run")
    _killed_after(0, monkeypatch)
    record = _evaluate(config, tmp_path / "run", resume=True)
    assert record == read_record(tmp_path / "run" / "evaluation.json")


def test_shards_in_any_order_make_the_record_of_one_run(model, tmp_path):
    config = _config(model, masking_examples=30, attacks=("fgsm",))
    whole = _evaluate(config, tmp_path / "whole")
    assert _evaluate(config, tmp_path / "parts", shard=Shard(2, 2)) is None
    files = {path.name for path in (tmp_path / "parts").iterdir()}
    assert files == {"config.json", "outcomes-2-of-2.jsonl", "run-2-of-2.json"}
    assert _evaluate(config, tmp_path / "parts", shard=Shard(1, 2)) == whole
    # A plain model's file: nothing is known of a defense's own loss.
    assert len(whole.masking) == 7
    assert "adaptive" not in {check.name for check in whole.masking}
    one, two = (
        (tmp_path / name / "evaluation.json").read_bytes()
        for name in ("whole", "parts")
    )
    assert one == two
    run = json.loads((tmp_path / "parts" / "run-1-of-2.json").read_text())
    assert run["shard"] == "1/2" and run["seconds"]["fgsm"] > 0


def test_the_record_holds_no_time_and_no_host(model, tmp_path):
    _evaluate(_config(model), tmp_path / "run")
    text = (tmp_path / "run" / "evaluation.json").read_text()
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "seconds" not in text and run["host"] not in text
    assert set(run["seconds"]) == {"noise", "pgd-2"}


def test_another_configuration_or_model_is_not_gone_on_with(model, tmp_path):
    directory = tmp_path / "run"
    _evaluate(_config(model), directory)
    with pytest.raises(ValueError, match="can't be resumed with num_steps="):
        _evaluate(_config(model, num_steps=3), directory, resume=True)
    with pytest.raises(ValueError, match="can't be resumed with seed="):
        _evaluate(_config(model, seed=3), directory, shard=Shard(1, 2))
    before = model.read_bytes()
    _network().save(model)
    with pytest.raises(ValueError, match="with other model_digest"):
        _evaluate(_config(model), directory, resume=True)
    model.write_bytes(before)
    other = tmp_path / "none"
    record = _evaluate(_config(model), other, resume=True)  # begins there
    assert (other / "evaluation.json").is_file() and record.num_examples


def test_it_goes_on_where_the_model_has_moved(model, tmp_path, monkeypatch):
    whole = _evaluate(_config(model), tmp_path / "whole")
    with monkeypatch.context() as patch:
        _killed_after(4, patch)
        with pytest.raises(_Killed):
            _evaluate(_config(model), tmp_path / "run")
    moved = shutil.copy(model, tmp_path / "moved.keras")
    _killed_after(5, monkeypatch)  # of nine; a sixth would be done again
    record = _evaluate(_config(moved), tmp_path / "run", resume=True)
    assert record.model == str(moved)
    assert record.attacks == whole.attacks
    _network().save(moved)
    with pytest.raises(ValueError, match="with other model_digest;"):
        _evaluate(_config(moved), tmp_path / "run", resume=True)


def test_what_fails_before_an_attack_leaves_nothing(model, tmp_path):
    config = _config(model, attacks=("ddn",), norm="inf")
    with pytest.raises(ValueError, match="norm 2"):
        _evaluate(config, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_shard_does_not_remove_what_others_did(model, tmp_path):
    _evaluate(_config(model), tmp_path / "run", shard=Shard(1, 2))
    before = (tmp_path / "run" / "outcomes-1-of-2.jsonl").read_bytes()
    with pytest.raises(ValueError, match="A shard can't overwrite"):
        _evaluate(
            _config(model), tmp_path / "run", shard=Shard(2, 2), overwrite=True
        )
    after = (tmp_path / "run" / "outcomes-1-of-2.jsonl").read_bytes()
    assert before == after


def test_shards_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="1 <= i <= n. .*3/2"):
        Shard(3, 2)
    with pytest.raises(ValueError, match="at least 1"):
        Shard(0, 2)


def test_a_log_without_a_whole_header_is_begun_again(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    path.write_text('{"header": {"a"')
    assert read_outcomes(path, {"a": 1}) == {}
    log = OutcomeLog(path, {"a": 1})
    log["pgd", 0] = {"robust": [True]}
    assert read_outcomes(path, {"a": 1}) == {("pgd", 0): {"robust": [True]}}


def test_points_of_a_surrogate_that_was_replaced_do_not_count(model, tmp_path):
    other = tmp_path / "other.keras"
    network = keras.models.load_model(model)
    network.save(other)
    # Without gradients only the surrogate's points break the model.
    masked = tmp_path / "masked.keras"
    behind(Quantized(), network).save(masked)
    config = _config(
        masked, attacks=("fgsm",), surrogates=(str(other),), masking_examples=20
    )
    first = _evaluate(config, tmp_path / "run").masking[-1]
    assert (first.name, first.verdict) == ("transfer", "failed")
    network = keras.models.load_model(other)
    network.set_weights([0.0 * w for w in network.get_weights()])
    network.save(other)
    resumed = _evaluate(config, tmp_path / "run", resume=True)
    assert resumed.masking == _evaluate(config, None).masking
    assert resumed.masking[-1].number < first.number
    times = json.loads((tmp_path / "run" / "run.json").read_text())["seconds"]
    assert len([name for name in times if name.startswith("transfer")]) == 1


def test_surrogates_are_tried_and_part_of_the_masking_report(model, tmp_path):
    other = tmp_path / "other.keras"
    _network().save(other)
    config = _config(
        model, attacks=("fgsm",), surrogates=(str(other),), masking_examples=20
    )
    record = _evaluate(config, None)
    name = record.attacks[1].name
    assert name.startswith(f"transfer from {other} (")
    network = keras.models.load_model(other)
    assert evaluation.weights_digest(network)[:12] in name
    # From itself there is nothing that the margin's PGD doesn't find.
    assert [c.name for c in record.masking][-1] == "transfer"
    config = _config(model, attacks=("fgsm",), surrogates=(str(model),))
    own = _evaluate(config, None).attacks[1]
    attack = PGD(NormBall(epsilon=0.15), num_steps=2, objective=Margin())
    data = recipes.load_data("digits").test.first(50)
    network = keras.models.load_model(model)
    last = dataclasses.replace(attack, keep_best=False)
    direct = last(network, data.images(), data.y)
    clean = network.predict(data.images(), verbose=0).argmax(1) == data.y
    assert list(own.robust) == list(direct.robust & clean)


def test_an_infinite_radius_gives_norms(model, tmp_path):
    config = _config(model, attacks=("ddn",), norm=2, epsilon=float("inf"))
    record = _evaluate(config, tmp_path / "run")
    attack = record.attacks[0]
    assert attack.settings["threat_model"]["epsilon"] == "inf"
    rows = zip(
        record.clean, attack.robust, attack.perturbation_norm, strict=True
    )
    norms = [norm for right, robust, norm in rows if right and not robust]
    assert norms and min(norms) > 0
    assert read_record(tmp_path / "run" / "evaluation.json") == record


def test_in_bfloat16_the_record_says_so(model):
    config = _config(model, attacks=("fgsm",), bfloat16=True)
    attack = _evaluate(config, None).attacks[0]
    assert attack.settings["name"] == "InBfloat16"
    assert attack.settings["attack"]["name"] == "FGSM"


def _changed(**changes):
    def change(line):
        return json.dumps(json.loads(line) | changes).encode()

    return change


def _outcome(**changes):
    def change(line):
        outcome = json.loads(line)["outcome"] | changes
        return _changed(outcome=outcome)(line)

    return change


@pytest.mark.parametrize(
    "number, change, message",
    [
        (1, lambda _: b"[1]", "must be a header"),
        (1, lambda _: b"5", "must be a header"),
        (1, lambda _: b'{"header": "x"}', "must be a header"),
        (1, lambda line: line[:50], "not JSON"),
        (2, lambda line: line.replace(b"batch", b"bat\xe3h"), "not JSON"),
        (2, lambda line: line[:30], "not JSON"),
        (3, lambda _: b'{"hello": 1}', "attack, batch and outcome"),
        (3, lambda _: b"5", "attack, batch and outcome"),
        (3, _changed(batch="0"), "attack, batch and outcome"),
        (3, _changed(attack=["a"]), "attack, batch and outcome"),
        (3, _changed(outcome="x"), "attack, batch and outcome"),
        (3, _changed(outcome={}), "`robust` must be a list"),
        (3, _changed(batch=99), "has no such batch"),
        (3, _outcome(robust=[True] * 5), "`robust` must have 20 values"),
        (3, _outcome(robust=[7] * 20), "`robust` must be a list of true"),
        (6, _outcome(norm=[float("nan")] * 20), "`norm` must be a list of fin"),
        (6, _outcome(norm=[0.1] * 5), "`norm` must have 20 values"),
        (6, _outcome(seconds="1"), "`seconds` must be a number"),
    ],
)
def test_a_line_that_can_not_be_is_named(
    run, tmp_path, number, change, message
):
    config, before = run
    log = tmp_path / "run" / "outcomes.jsonl"
    shutil.copytree(before, tmp_path / "run")
    lines = log.read_bytes().splitlines()
    lines[number - 1] = change(lines[number - 1])
    log.write_bytes(b"\n".join(lines) + b"\n")
    expected = f"outcomes.jsonl, line {number}, can't be used: .*{message}"
    with pytest.raises(ValueError, match=expected) as error:
        _evaluate(config, tmp_path / "run", resume=True)
    assert "\n" not in str(error.value)
    assert len(log.read_bytes().splitlines()) == len(lines)


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    config = _config(model, attacks=("fgsm",))
    directory = tmp_path_factory.mktemp("of") / "run"
    _evaluate(config, directory)
    return config, directory


def test_two_lines_of_one_batch_must_be_alike(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    OutcomeLog(path, {})["pgd", 0] = {"robust": [True]}
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[1] + "\n")
    assert read_outcomes(path, {}) == {("pgd", 0): {"robust": [True]}}
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[1].replace("true", "false"))
    with pytest.raises(ValueError, match="line 4, .*a line before"):
        read_outcomes(path, {})


def test_an_evaluation_needs_an_attack(model):
    with pytest.raises(ValueError, match="Name at least one attack"):
        _config(model, attacks=())
