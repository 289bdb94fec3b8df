"""The benchmark's arithmetic, and a small run of it."""

import pytest

from tfrobust import experiments
from tfrobust import reports
from tfrobust.experiments import train_step_benchmark
from tfrobust.experiments.train_step_benchmark import PLAIN
from tfrobust.records import BenchmarkRecord
from tfrobust.records import ratio_of_medians
from tfrobust.records import read_record


def _record():
    return BenchmarkRecord(
        suite="train_step",
        configuration={},
        seconds={
            "bare a": (1.0, 2.0, 3.0),
            "bare b": (0.5, 0.5, 0.5),
            "plain": (2.0, 4.0, 6.0),
            "defense": (7.0, 13.0, 19.0),
        },
        floors={"defense": {"a": 3, "b": 1}},
        provenance={},
    )


def test_a_floor_is_the_sum_of_its_calls_round_by_round():
    assert _record().floor_seconds("defense") == (3.5, 6.5, 9.5)


def test_the_table_has_ratios_of_medians():
    rows = reports.benchmark_rows(_record(), "plain")
    assert rows[0] == ["defense", "ms", "over plain", "over floor", "floor"]
    name, ms, over_plain, over_floor, floor = rows[1]
    assert (name, ms, floor) == ("defense", "13000", "3 a + b")
    assert over_plain.startswith("3.25 [")
    # Twice its floor in every round, whatever the round.
    assert over_floor == "2.00 [2.00, 2.00]"


def test_an_interval_holds_the_ratio_and_narrows_to_it():
    ratio, low, high = ratio_of_medians((2.0, 4.0, 9.0), (1.0, 2.0, 3.0))
    assert ratio == 2.0
    assert low == 2.0 and high == 3.0


def test_a_small_run(tmp_path):
    config = experiments.BenchmarkConfig(
        ("standard", "sgr", "mat"),
        architecture="digits_cnn",
        image_shape=(8, 8, 1),
        batch_size=4,
        num_steps=2,
        rounds=2,
    )
    lines = []
    page = tmp_path / "page.md"
    record = experiments.benchmark(
        config, tmp_path / "run", page=page, say=lines.append
    )
    assert read_record(tmp_path / "run" / "benchmark.json") == record
    assert {"standard", "sgr", "mat", PLAIN, "bare forward"} < set(
        record.seconds
    )
    assert all(len(times) == 2 for times in record.seconds.values())
    assert record.floors["mat"]["input_gradient"] == 2
    assert "| mat" in page.read_text()


def test_only_what_the_floors_need_is_timed():
    config = experiments.BenchmarkConfig(
        ("standard",),
        architecture="digits_cnn",
        image_shape=(8, 8, 1),
        batch_size=4,
        rounds=1,
    )
    record = train_step_benchmark.benchmark_train_step(config)
    assert set(record.seconds) == {
        "bare weight_gradient",
        "bare update",
        PLAIN,
        "standard",
    }


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"defenses": ("sgrr",)}, "Did you mean 'sgr'"),
        ({"suite": "speed"}, "`suite` must be one of train_step"),
        ({"rounds": 0}, "`rounds` must be at least 1"),
        ({"architecture": "cnn"}, "`architecture`"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        experiments.BenchmarkConfig(**arguments)
