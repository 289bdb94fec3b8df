"""Seconds of a training, over its parts."""

import json

import pytest

from tfrobust.experiments import stopwatch


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now[0])
    return now


def _steps(watch, count):
    for batch in range(count):
        watch.on_train_batch_end(batch)


def test_what_is_taken_twice_counts_once(tmp_path, clock):
    path = tmp_path / "seconds.json"
    watch = stopwatch.Stopwatch(path, 0, every=2)
    clock[0] += 3
    _steps(watch, 2)
    clock[0] += 4
    _steps(watch, 1)
    watch.on_epoch_end(0)
    clock[0] += 5
    _steps(watch, 1)
    assert json.loads(path.read_text()) == {"2": 3.0, "3": 7.0, "4": 12.0}
    # Killed, and begun again where the state of three steps was whole.
    clock[0] += 1000
    again = stopwatch.Stopwatch(path, 3)
    clock[0] += 6
    assert again.seconds == 7 + 6
    _steps(again, 5)
    again.keep()
    assert json.loads(path.read_text()) == {"2": 3.0, "3": 7.0, "8": 13.0}


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"a": 1}', '{"1": null}', '{"1": NaN}', '{"1": -5}']
)
def test_what_counts_nothing_is_refused(text, tmp_path):
    path = tmp_path / "seconds.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="seconds.json is no count of a"):
        stopwatch.Stopwatch(path, 0)
