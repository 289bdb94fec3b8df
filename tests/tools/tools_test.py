"""The tools: flags, errors in one line, nothing half-written."""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

from tests import networks
from tests import tfds_sets
from tests.records_test import evaluation
from tfrobust.records import read_record
from tfrobust.records import write_record
from tools import analyze
from tools import cli
from tools import evaluate
from tools import prepare
from tools import report
from tools import train
from tools import transfer

_ROOT = pathlib.Path(__file__).parents[2]


def _run(tool, *arguments):
    """Run a tool in process as its command line would; return its code."""
    tool.FLAGS.values.unparse_flags()
    for name in tool.FLAGS.values:
        tool.FLAGS.values[name].unparse()
    argv, sys.argv = sys.argv, ["tool", *map(str, arguments)]
    try:
        cli.run(tool.main, tool.FLAGS)
    except SystemExit as done:
        return done.code or 0
    finally:
        sys.argv = argv
    return 0


_FAST = (
    "--architecture=dense_network",
    "--epochs=1",
    "--validation_examples=20",
    "--validation_steps=1",
)


def test_train_then_evaluate(tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "eval"
    code = _run(
        train,
        *_FAST,
        "--defense=trades",
        "--epsilon=1/10",
        "--num_steps=2",
        "--beta=3",
        f"--output_dir={run}",
    )
    assert code == 0, capsys.readouterr()
    settings = read_record(run / "training.json").configuration["settings"]
    assert settings == {
        "epsilon": 0.1,
        "beta": 3.0,
        "num_steps": 2,
        "norm": "inf",
    }
    code = _run(
        evaluate,
        f"--model={run}/last.keras",
        "--attacks=fgsm,pgd",
        "--num_steps=3",
        "--num_examples=40",
        f"--output_dir={out}",
    )
    assert code == 0
    record = read_record(out / "evaluation.json")
    assert record.num_examples == 40
    assert [a.name for a in record.attacks] == ["fgsm", "pgd-3"]
    assert record.provenance["configuration"]["epsilon"] is None
    printed = capsys.readouterr().out
    assert "worst case" in printed and "epsilon=0.15" in printed


def test_evaluate_never_replaces_the_run_that_holds_the_model(tmp_path, capsys):
    run = tmp_path / "run"
    assert _run(train, *_FAST, f"--output_dir={run}") == 0
    model = run / "last.keras"
    code = _run(
        evaluate, f"--model={model}", f"--output_dir={run}", "--overwrite"
    )
    assert code == 1 and model.is_file()
    assert "holds the model" in capsys.readouterr().err


def test_an_evaluation_never_replaces_a_training(tmp_path, capsys):
    run, other = tmp_path / "run", tmp_path / "other"
    for directory in (run, other):
        assert _run(train, *_FAST, f"--output_dir={directory}") == 0
    model = run / "last.keras"
    code = _run(
        evaluate, f"--model={model}", f"--output_dir={other}", "--overwrite"
    )
    assert code == 1 and (other / "last.keras").is_file()
    assert "something else than a run" in capsys.readouterr().err


def test_transfer_tells_who_falls_to_whose_points(tmp_path, capsys):
    models = []
    for seed in (1, 2):
        run = tmp_path / str(seed)
        assert _run(train, *_FAST, f"--seed={seed}", f"--output_dir={run}") == 0
        models.append(f"{run}/last.keras")
    out = tmp_path / "out"
    arguments = [
        f"--models={','.join(models)}",
        "--attacks=fgsm",
        "--num_examples=40",
        f"--output_dir={out}",
    ]
    assert _run(transfer, *arguments) == 0
    record = read_record(out / "transfer.json")
    printed = capsys.readouterr().out
    assert f"{100 * record.accuracy['fgsm'][0][1]:.1f}" in printed
    assert _run(transfer, f"--models={models[0]}") == 1
    assert "at least two" in capsys.readouterr().err


def test_analyze_writes_record_table_and_picture(tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    assert _run(train, *_FAST, f"--output_dir={run}") == 0
    arguments = [
        f"--model={run}/last.keras",
        "--num_examples=30",
        f"--output_dir={out}",
    ]
    attacked = ["--attacks=fgsm", "--epsilon=1"]
    assert _run(analyze, "--num_components=16", *attacked, *arguments) == 0
    assert {p.name for p in out.iterdir()} == {
        "config.json",
        "analysis.json",
        "analysis.png",
    }
    record = read_record(out / "analysis.json")
    assert len(record.energy) == 16
    shares = record.shares["loss gradient"]
    assert list(shares) == sorted(shares) and 0 < shares[-1] < 1
    printed = capsys.readouterr().out
    assert f"{100 * shares[-1]:.1f}" in printed
    arguments[-1] = f"--output_dir={tmp_path / 'surface'}"
    surface = ["--analysis=surface", "--example=3", "--resolution=5"]
    assert _run(analyze, *surface, *attacked, *arguments) == 0
    record = read_record(tmp_path / "surface" / "analysis.json")
    assert record.example == 3 and len(record.decision) == 5
    assert "keeps its class from" in capsys.readouterr().out
    arguments[-1] = f"--output_dir={tmp_path / 'curvature'}"
    assert _run(analyze, "--analysis=curvature", *arguments) == 0
    assert "S has a second derivative" in capsys.readouterr().out
    arguments[-1] = f"--output_dir={tmp_path / 'flatness'}"
    assert _run(analyze, "--analysis=flatness", *arguments) == 0
    assert "slack of theorem 1" in capsys.readouterr().out
    assert _run(analyze, "--analysis=leaking", *arguments) == 1
    assert "gradient_leaking" in capsys.readouterr().err
    assert _run(analyze, "--analysis=flatness", *attacked, *arguments) == 1
    assert "flatness does not use `attacks`" in capsys.readouterr().err


def test_flagfile(tmp_path, capsys):
    file = tmp_path / "flags"
    file.write_text("\n".join([*_FAST, f"--output_dir={tmp_path / 'run'}"]))
    assert _run(train, f"--flagfile={file}") == 0, capsys.readouterr()
    assert (tmp_path / "run" / "training.json").is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--defense=lfrr"], "Did you mean 'lfr'"),
        (["--data=digitz"], "Did you mean digits"),
        (["--architecture=cnn"], "`architecture` must be one of"),
        (["--epsilon=-1"], "`epsilon` must be positive"),
        (["--epsilon=0"], "`epsilon` must be positive"),
        (["--epsilon=a lot"], "not a number such as 0.03 or 8/255"),
        (["--defense=lfr", "--num_steps=0"], "`num_steps` must be at least 1"),
        (["--beta=1"], "`standard` takes no settings"),
        (["--defense=gradient_norm"], "`gradient_norm` needs weight"),
        (["--batch_size=100000"], "`batch_size` must be at most"),
        (["--epochs=-3"], "`epochs` must be at least 1"),
        (["--dtype_policy=float7"], "float7"),
        (["--activation=relo"], "relo"),
        (["--data=mnist", "--data_dir=/nowhere"], "tools.prepare --data=mnist"),
        (
            ["--num_components=5", "--noise_scale=3"],
            "noise_scale needs num_noise_components",
        ),
        (["--epsilon_warm_up=1"], "no radius to warm up"),
        (["--weight_warm_up=1"], "no robust terms to warm up"),
        (["--norm=2"], "`epsilon` must be given with another norm"),
        (["--epsilon=8"], "at most 1, the width"),
        (["--nonsense"], "Unknown command line flag 'nonsense'"),
        (["stray"], "unexpected argument 'stray'"),
    ],
)
def test_train_refuses_in_one_line_and_writes_nothing(
    arguments, message, tmp_path, capsys
):
    run = tmp_path / "run"
    assert _run(train, f"--output_dir={run}", *arguments) == 1
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--model=/nowhere.keras"], "There is no model file"),
        (["--attacks=pgdd"], "Did you mean 'pgd'"),
        (["--epsilon=0"], "`epsilon` must be positive"),
        (["--num_steps=0"], "`num_steps` must be at least 1"),
        (["--num_examples=0"], "`num_examples` must be positive"),
        (["--split=valid"], "`split` must be one of"),
        (
            ["--split=validation"],
            "has no such part. Received: split=validation",
        ),
        ([], "input shape (None, 6, 6, 1)"),
    ],
)
def test_evaluate_refuses_in_one_line(arguments, message, tmp_path, capsys):
    model = tmp_path / "m.keras"
    networks.tiny_cnn(num_classes=10).save(model)
    out = tmp_path / "out"
    given = [f"--model={model}", f"--output_dir={out}", *arguments]
    assert _run(evaluate, *given) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not out.exists()


def test_help_is_short_and_grouped(capsys):
    assert _run(train, "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 60
    assert {"Data:", "Network:", "Defense:", "Training:", "Run:"} <= set(lines)
    assert all("absl" not in line for line in lines)
    text = "\n".join(lines)
    assert "--slope_weight" in text and "of LLR's slope" not in text


def test_full_help_explains_every_flag(capsys):
    assert _run(train, "--helpfull") == 0
    lines = capsys.readouterr().out.splitlines()
    explained = {ln.split()[0][2:] for ln in lines if ln.startswith("  --")}
    assert explained == set(train.FLAGS.values) - {"flagfile", "undefok"}


def test_prepare(tmp_path, monkeypatch, capsys):
    from tfrobust.experiments import preparing

    monkeypatch.setattr(
        preparing,
        "make_builder",
        lambda name, where: tfds_sets.make_builder(where, name),
    )
    assert _run(prepare, "--data=mnist", f"--data_dir={tmp_path}") == 0
    assert f"{tmp_path}/mnist/1.2.0" in capsys.readouterr().out
    data = f"--data_dir={tmp_path}"
    code = _run(
        train,
        *_FAST,
        "--data=mnist",
        data,
        "--batch_size=5",
        "--validation_examples=5",
        f"--output_dir={tmp_path}/run",
    )
    assert code == 0
    assert "Random images. For tests." in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, message",
    [("digits", "comes with scikit-learn"), ("mnits", "Did you mean")],
)
def test_prepare_refuses(name, message, tmp_path, capsys):
    assert _run(prepare, f"--data={name}", f"--data_dir={tmp_path}") == 1
    assert message in capsys.readouterr().err


_TOOLS = [
    "analyze",
    "benchmark",
    "evaluate",
    "prepare",
    "quickstart",
    "reproduce",
    "train",
    "transfer",
]


@pytest.mark.parametrize("tool", _TOOLS)
def test_each_tool_tells_how_it_is_called(tool, capsys):
    assert _run(importlib.import_module(f"tools.{tool}"), "--help") == 0
    assert f"python -m tools.{tool}" in capsys.readouterr().out


# Each starts TensorFlow.
@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(tool, marks=[] if tool == "train" else pytest.mark.slow)
        for tool in _TOOLS
    ],
)
def test_each_tool_starts_as_a_command(tool):
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{tool}", "--help"],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert done.returncode == 0
    assert f"python -m tools.{tool}" in done.stdout
    assert done.stderr == ""


def test_help_that_nobody_reads_to_its_end():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tools.zoo", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_control_c_during_the_imports_is_told_in_a_line(capsys):
    # What the first import has put there for what nobody catches.
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_report_reports_and_refuses_in_one_line(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    write_record(evaluation("one"), run / "evaluation.json")
    out = tmp_path / "report.html"
    assert _run(report, f"--runs={run}", f"--out={out}", "--title=A <b>") == 0
    assert "<h1>A &lt;b&gt;</h1>" in out.read_text()
    assert "1 record:" in capsys.readouterr().out
    for arguments, message in (
        ((f"--runs={run}", f"--out={tmp_path}/r.pdf"), "must end in .html"),
        ((f"--runs={tmp_path}/no", f"--out={out}"), "There is no run at"),
        ((f"--out={out}",), "at least one directory"),
        ((f"--runs={run}", f"--out={run}/evaluation.json/r.html"), "evalu"),
    ):
        assert _run(report, *arguments) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and message in error
