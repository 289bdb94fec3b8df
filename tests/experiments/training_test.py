"""Runs: what they write, how they resume, what they refuse."""

import json
import pathlib
import shutil
import signal

import keras
import numpy as np
import pytest

from tfrobust import callbacks
from tfrobust import experiments
from tfrobust.callbacks import TrainingDiverged
from tfrobust.evaluation import weights_digest
from tfrobust.experiments import training
from tfrobust.experiments import training_model
from tfrobust.experiments.stopwatch import Stopwatch
from tfrobust.records import read_record
from tfrobust.schedules import ConstantThenLinear

_TINY = {
    "architecture": "dense_network",
    "epochs": 2,
    "batch_size": 512,
    "validation_examples": 50,
    "validation_steps": 2,
}


def _config(**changes):
    return experiments.TrainingConfig("digits", **_TINY | changes)


def _train(config, directory, **arguments):
    return experiments.train(
        config, directory, say=lambda line: None, **arguments
    )


def _weights(path):
    return keras.models.load_model(path).classifier.get_weights()


def test_a_run_directory_holds_everything(tmp_path):
    run = tmp_path / "run"
    record = _train(_config(), run)
    assert {p.name for p in run.iterdir()} == {
        "config.json",
        "history.csv",
        "seconds.json",
        "training.json",
        "last.keras",
        "best_robust.keras",
    }
    assert read_record(run / "training.json") == record
    config = json.loads((run / "config.json").read_text())
    assert config["data"] == "digits" and config["seed"] == 0
    told = {"tensorflow", "keras", "revision", "seed", "threads", "onednn"}
    assert told <= set(record.provenance)
    robust = record.history["val_robust_accuracy"]
    best = record.checkpoints["best_robust.keras"]
    assert best["val_robust_accuracy"] == max(robust)
    assert record.checkpoints["last.keras"]["val_robust_accuracy"] == robust[-1]


def test_a_standardized_network_knows_the_training_images():
    config = _config(
        architecture="resnet_v1", depth=8, epochs=1, standardize=True
    )
    data = training.load_split_data(config, lambda line: None)
    model = training_model.build_model(config, data, steps=1)
    pixels = data.train.images(slice(None)).astype("float64")
    mean, deviation = pixels.mean(), pixels.std()
    x = np.full((1, 8, 8, 1), mean + 2 * deviation, "float32")
    layer = model.classifier.get_layer("standardization")
    np.testing.assert_allclose(layer(x), 2.0, rtol=1e-5)


def test_a_network_that_can_not_standardize_says_so(tmp_path):
    with pytest.raises(ValueError, match="dense_network.*can't standardize"):
        _train(_config(standardize=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_summaries_are_written_where_asked_for(tmp_path):
    _train(_config(tensorboard=True), tmp_path / "run")
    events = list((tmp_path / "run" / "tensorboard").rglob("events*"))
    assert events and all(path.stat().st_size for path in events)


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _train(_config(seed=seed), tmp_path / name)
    a, b, c = (_weights(tmp_path / n / "last.keras") for n in "abc")
    for one, two in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(a[0], c[0])


_NOISE = {"num_components": 5, "num_noise_components": 3, "noise_scale": 2.0}
_ASCENT = {"epsilon": 0.1, "num_steps": 2}


@pytest.mark.parametrize(
    "defense, settings",
    [
        ("standard", {}),
        ("lfr", {"weight": 0.1} | _ASCENT),
        ("sgr", {"weight": 0.1, "decay": 0.8} | _NOISE),
        ("trades", {"awp_radius": 0.01} | _ASCENT),
    ],
)
def test_resumed_equals_uninterrupted(defense, settings, tmp_path):
    # Among what is saved: optimizer, noise counters, covariance, subspace.
    config = _config(
        defense=defense,
        settings=settings,
        epsilon_warm_up=int("epsilon" in settings),
        weight_warm_up=2 * int(defense != "standard"),
        epochs=3,
        constant_epochs=1,
        augment=True,
    )
    _train(config, tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 0:
            raise Killed

    from tfrobust.callbacks import KeepCheckpoints

    original = KeepCheckpoints.on_epoch_end
    KeepCheckpoints.on_epoch_end = kill
    try:
        with pytest.raises(Killed):
            _train(config, tmp_path / "resumed")
    finally:
        KeepCheckpoints.on_epoch_end = original
    # Of an epoch that took a thousand seconds.
    laps = tmp_path / "resumed" / "seconds.json"
    ((steps, lap),) = json.loads(laps.read_text()).items()
    assert 0 < lap < 1000
    saved = keras.models.load_model(tmp_path / "resumed" / "last.keras")
    assert int(steps) == int(saved.optimizer.iterations) > 0
    laps.write_text(json.dumps({steps: 1000.0, "10000000": 5000.0}))
    resumed = _train(config, tmp_path / "resumed", resume=True)
    assert 1000 < resumed.seconds < 2000
    whole = read_record(tmp_path / "whole" / "training.json")
    for a, b in zip(
        _weights(tmp_path / "whole" / "last.keras"),
        _weights(tmp_path / "resumed" / "last.keras"),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert resumed.history["loss"] == whole.history["loss"]
    assert resumed.checkpoints == whole.checkpoints


class _Killed(Exception):
    """As if the machine went away."""


def _killed_after(steps, config, directory, monkeypatch, **arguments):
    """Train, and be killed right after so many steps."""
    original, taken = callbacks.StopOnNonFinite.on_train_batch_end, []

    def kill(self, batch, logs=None):
        original(self, batch, logs)
        taken.append(batch)
        if len(taken) > steps:
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.StopOnNonFinite, "on_train_batch_end", kill)
        with pytest.raises(_Killed):
            _train(config, directory, **arguments)


_BACKED_UP = {
    # A random layer, momenta, a schedule, a warm-up, covariance, noise.
    "batch_size": 128,  # 11 steps
    "architecture": "wide_resnet",
    "depth": 10,
    "width": 1,
    "dropout": 0.3,
    "defense": "adversarial_training",
    "settings": {"structured_gradient_weight": 0.1, **_ASCENT},
    "epsilon_warm_up": 1,
    "weight_warm_up": 2,
    "epochs": 3,
    "constant_epochs": 1,
    "backup_every": 3,
}


def test_killed_inside_epochs_the_weights_are_those_of_a_whole_run(
    tmp_path, monkeypatch
):
    config = _config(**_BACKED_UP)
    whole = _train(config, tmp_path / "whole")
    run = tmp_path / "run"
    _killed_after(8, config, run, monkeypatch)
    assert sorted(p.name for p in run.glob("backup*")) == [
        "backup-000000003.npz",
        "backup-000000006.npz",
    ]
    # From step 6 over the epoch's end into the second.
    _killed_after(10, config, run, monkeypatch, resume=True)
    assert sorted(p.name for p in run.glob("backup*")) == [
        "backup-000000012.npz",
        "backup-000000015.npz",
    ]
    said = []
    resumed = experiments.train(config, run, resume=True, say=said.append)
    assert "after epoch 1 of 3, step 4 of 11" in said[0]
    for a, b in zip(
        _weights(tmp_path / "whole" / "last.keras"),
        _weights(run / "last.keras"),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert resumed.history == whole.history
    assert not list(run.glob("backup*"))


def test_scaled_losses_are_backed_up_and_resumed(tmp_path, monkeypatch):
    changes = {"dtype_policy": "mixed_float16", "backup_every": 1}
    config = _config(**changes, batch_size=256)
    _train(config, tmp_path / "whole")
    run = tmp_path / "run"
    _killed_after(3, config, run, monkeypatch)
    assert list(run.glob("backup*"))
    _train(config, run, resume=True)
    for a, b in zip(
        *(_weights(d / "last.keras") for d in (tmp_path / "whole", run)),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_torn_state_leaves_the_one_before(tmp_path, monkeypatch):
    config = _config(**_BACKED_UP)
    _train(config, tmp_path / "whole")
    run = tmp_path / "run"
    _killed_after(18, config, run, monkeypatch)
    for name in ("backup-000000018.npz", "last.keras"):
        path = run / name
        path.write_bytes(path.read_bytes()[:-200])
    said = []
    experiments.train(config, run, resume=True, say=said.append)
    assert "last.keras is torn" in said[0]
    assert "backup-000000018.npz is torn" in said[1]
    assert "after epoch 1 of 3, step 4 of 11" in said[2]
    for a, b in zip(
        _weights(tmp_path / "whole" / "last.keras"),
        _weights(run / "last.keras"),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def _tear(path):
    path.write_bytes(path.read_bytes()[:-200])


def _empty(path):
    path.write_bytes(b"")


def _scribble(path):
    path.write_text("loss\n1\n")


def test_what_was_harmed_is_mended_or_refused(tmp_path):
    whole, config = tmp_path / "whole", _config(epochs=1)
    _train(config, whole)
    for name, harm, message in (
        ("last.keras", _tear, None),
        ("last.keras", pathlib.Path.unlink, None),
        ("best_robust.keras", _tear, "best_robust.keras is torn"),
        ("best_robust.keras", pathlib.Path.unlink, "torn or gone"),
        ("history.csv", _empty, "history.csv has 0 of 1 epochs"),
        ("history.csv", _scribble, "no log of a training"),
        ("training.json", lambda path: path.write_text("{}"), "not a record"),
    ):
        run = shutil.copytree(whole, tmp_path / "run")
        harm(run / name)
        if message is None:
            # Its only epoch was its best.
            _train(config, run, resume=True)
            pairs = zip(
                *(_weights(d / name) for d in (whole, run)), strict=True
            )
            for a, b in pairs:
                np.testing.assert_array_equal(a, b)
        else:
            with pytest.raises(ValueError, match=message):
                _train(config, run, resume=True)
        shutil.rmtree(run)


def test_another_trainings_model_is_not_believed(tmp_path):
    config, run = _config(epochs=1), tmp_path / "run"
    record = _train(config, run)
    own = (run / "last.keras").read_bytes()
    model = keras.models.load_model(run / "last.keras")
    assert record.model_digest == weights_digest(model.classifier)
    for number, (changes, other) in enumerate(
        (
            # A seed is no setting of a model: its weights tell.
            ({"seed": 1}, "isn't the model of"),
            ({"settings": {"weight_decay": 0.1}}, "with other weight_decay;"),
            ({"activation": "silu"}, "with other network;"),
            ({"learning_rate": 0.01}, "with other optimizer;"),
        )
    ):
        there = tmp_path / f"other_{number}"
        _train(_config(epochs=1, **changes), there)
        shutil.copy(there / "last.keras", run)
        with pytest.raises(ValueError, match=other):
            _train(config, run, resume=True)
        (run / "last.keras").write_bytes(own)
        copy = shutil.copytree(run, tmp_path / f"copy_{number}")
        shutil.copy(there / "training.json", copy)
        with pytest.raises(ValueError, match="training.json is no record of"):
            _train(config, copy, resume=True)
    # Of the same settings it is the weights that count.
    model.classifier.set_weights(
        [w + 1.0 for w in model.classifier.get_weights()]
    )
    model.save(run / "last.keras")
    with pytest.raises(ValueError, match="last.keras isn't the model of .*run"):
        _train(config, run, resume=True)
    (run / "last.keras").write_bytes(own)
    assert _train(config, run, resume=True) == record


@pytest.mark.parametrize("harm", [_tear, _empty])
def test_a_torn_record_is_written_anew(harm, tmp_path):
    run, config, said = tmp_path / "run", _config(epochs=1), []
    whole = _train(config, run)
    harm(run / "training.json")
    again = experiments.train(config, run, resume=True, say=said.append)
    assert "training.json is torn" in said[-1]
    assert read_record(run / "training.json") == again
    assert again.history == whole.history
    assert again.checkpoints == whole.checkpoints
    assert again.configuration == whole.configuration


def test_killed_between_an_epochs_last_step_and_its_log(tmp_path, monkeypatch):
    config = _config(backup_every=1)
    whole = _train(config, tmp_path / "whole")
    run = tmp_path / "run"

    def kill(self, epoch, logs=None):
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.CSVLogger, "on_epoch_end", kill)
        with pytest.raises(_Killed):
            _train(config, run)
    resumed = _train(config, run, resume=True)
    assert resumed.history == whole.history
    assert resumed.checkpoints == whole.checkpoints
    names = {p.name for p in (tmp_path / "whole").iterdir()}
    assert names == {p.name for p in run.iterdir()}


def test_control_c_ends_after_the_step_with_everything_kept(
    tmp_path, monkeypatch
):
    config = _config(**_BACKED_UP | {"backup_every": None})
    original, taken = callbacks.StopOnNonFinite.on_train_batch_end, []
    before = signal.getsignal(signal.SIGINT)

    def press(self, batch, logs=None):
        original(self, batch, logs)
        taken.append(batch)
        if len(taken) == 5:
            signal.raise_signal(signal.SIGINT)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.StopOnNonFinite, "on_train_batch_end", press)
        with pytest.raises(KeyboardInterrupt):
            _train(config, run)
    assert len(taken) == 5
    assert [p.name for p in run.glob("backup*")] == ["backup-000000005.npz"]
    assert signal.getsignal(signal.SIGINT) is before


def test_control_c_behind_the_last_epochs_end_counts(tmp_path, monkeypatch):
    kept = Stopwatch.on_epoch_end

    def press(self, epoch, logs=None):
        kept(self, epoch, logs)
        signal.raise_signal(signal.SIGINT)

    config = _config(epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(Stopwatch, "on_epoch_end", press)
        with pytest.raises(KeyboardInterrupt):
            _train(config, tmp_path)
    assert len(_train(config, tmp_path, resume=True).history["loss"]) == 1


def test_an_epoch_below_the_clean_floor_is_no_best(tmp_path):
    record = _train(_config(clean_floor=1.0), tmp_path / "run")
    assert max(record.history["val_accuracy"]) < 1.0
    assert set(record.checkpoints) == {"last.keras"}
    assert not (tmp_path / "run" / "best_robust.keras").exists()


@pytest.mark.slow
def test_a_training_goes_on_with_a_model_to_the_same_weights(tmp_path):
    whole = _train(_config(epochs=3), tmp_path / "whole")
    _train(_config(epochs=1), tmp_path / "one")
    first = str(tmp_path / "one" / "last.keras")
    rest = _train(_config(epochs=3, begin_with=first), tmp_path / "rest")
    assert rest.history["loss"] == whole.history["loss"][1:]
    robust, clean = (
        whole.history[name][1:]
        for name in ("val_robust_accuracy", "val_accuracy")
    )
    row = max(range(2), key=lambda row: (robust[row], clean[row]))
    best = rest.checkpoints["best_robust.keras"]
    assert best["epoch"] == 2 + row
    assert best["val_robust_accuracy"] == robust[row]
    for a, b in zip(
        _weights(tmp_path / "whole" / "last.keras"),
        _weights(tmp_path / "rest" / "last.keras"),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    other = _config(
        epochs=3,
        begin_with=first,
        defense="gradient_norm",
        settings={"weight": 1.0},
    )
    with pytest.raises(ValueError, match="another training, with other def"):
        _train(other, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_projection_is_adapted_to_the_training_part(tmp_path):
    _train(_config(settings={"num_components": 5}), tmp_path / "run")
    model = keras.models.load_model(tmp_path / "run" / "last.keras")
    layer = model.input_transform
    # 1,347 digits but for 50 of validation.
    assert int(layer.num_examples) == 1297
    _train(_config(), tmp_path / "plain")
    plain = _weights(tmp_path / "plain" / "last.keras")
    assert np.abs(plain[0] - model.classifier.get_weights()[0]).max() > 1e-3


def test_another_run_is_not_overwritten_by_mistake(tmp_path):
    run = tmp_path / "run"
    _train(_config(), run, resume=True)  # there is none, so it begins
    with pytest.raises(ValueError, match="--overwrite.*--resume"):
        _train(_config(), run)
    with pytest.raises(ValueError, match="seed=0; it can't be resumed"):
        _train(_config(seed=1), run, resume=True)
    _train(_config(seed=1), run, overwrite=True)
    assert json.loads((run / "config.json").read_text())["seed"] == 1


def test_a_directory_that_is_no_run_is_never_replaced(tmp_path):
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter1.tex").write_text("precious")
    with pytest.raises(ValueError, match="something else than a run"):
        _train(_config(), mine, overwrite=True)
    assert (mine / "chapter1.tex").read_text() == "precious"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 5000}, "at most the 1297.*5000"),
        ({"validation_examples": 2000}, "Validation must leave"),
        ({"architecture": "small_cnn"}, "can't be made for images"),
        ({"data_dir": "/nowhere", "architecture": "resnet"}, "architecture"),
    ],
)
def test_a_mistake_leaves_nothing_behind(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        _train(_config(**changes), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"learning_rate": -1.0}, "`learning_rate` must be positive"),
        ({"optimizer": "adamm"}, "Did you mean 'adam'"),
        ({"defense": "lfrr"}, "Did you mean 'lfr'"),
        ({"epsilon": 0.0}, "`epsilon` must be positive"),
        ({"constant_epochs": 2}, "less than the 2 epochs"),
        ({"norm": 3}, "`norm` must be one of"),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        _config(**changes)


def test_divergence_is_named(tmp_path):
    config = _config(optimizer="sgd", learning_rate=1e38)
    with pytest.raises(TrainingDiverged, match="epoch 1, step"):
        _train(config, tmp_path / "run")


def test_the_schedule_is_constant_then_linear_to_zero():
    schedule = ConstantThenLinear(0.1, constant_steps=10, total_steps=30)
    found = [float(schedule(s)) for s in (0, 10, 15, 20, 30, 99)]
    expected = [0.1, 0.1, 0.075, 0.05, 0.0, 0.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_steps_that_overflowed_are_steps_of_an_epoch(tmp_path):
    # The loss scaling of float16 starts so high that the first steps are
    # left out, and the optimizer doesn't count them.
    config = _config(
        defense="gradient_norm",
        settings={"weight": 3000.0},
        dtype_policy="mixed_float16",
    )
    _train(config, tmp_path)
    model = keras.models.load_model(tmp_path / "last.keras")
    assert int(model.optimizer.iterations) < int(model.noise_counter)
    before = (tmp_path / "last.keras").read_bytes()
    _train(config, tmp_path, resume=True)
    assert (tmp_path / "last.keras").read_bytes() == before
