"""What tools.reproduce refuses, in one line and before any work."""

import pytest

from tests.tools.tools_test import _run
from tools import reproduce


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "Pass --table"),
        (
            ["--paper=local-flatness"],
            "Pass --table, of local-flatness: table-1, ",
        ),
        (["--table=table-1"], "`table` must be"),
        (["--plan"], "Pass --page"),
        (["--claims"], "Pass --page"),
        (
            ["--plan", "--claims", "--page=PAGE"],
            "--plan takes --page, --scale, --data_dir, --output_dir, "
            "--records_dir. Received: --claims",
        ),
        (
            ["--plan", "--table=table-1", "--rows=lfr", "--page=PAGE"],
            "Received: --table, --rows",
        ),
        (["--claims", "--paper=sgr", "--page=PAGE"], "Received: --paper"),
        (["--claims", "--num_seeds=0", "--page=PAGE"], "Received: --num_seeds"),
        (
            ["--claims", "--data_dir=data", "--page=PAGE"],
            "Received: --data_dir",
        ),
        (
            ["--table=digits", "--num_seeds=1"],
            "without --paper, a table of our own takes --table, --data_dir, "
            "--page, --output_dir. Received: --num_seeds",
        ),
        (["--table=digits", "--rows=lfr"], "Received: --rows"),
        (["--table=digits", "--scale=cpu"], "Received: --scale"),
        (["--table=digits", "--train_step=FILE"], "Received: --train_step"),
        (["--plan", "--page=nowhere/page.md"], "no directory for the page"),
        (["--claims", "--page=nowhere/page.md"], "no directory for the page"),
        (["--plan", "--page=FILE"], "must be a Markdown file"),
        (["--claims", "--page=record.json"], "must be a Markdown file"),
        (["--claims", "--page=OWN"], "isn't a page of these tools"),
        (["--plan", "--page=OWN"], "isn't a page of these tools"),
        (["--table=digits", "--page=OWN"], "isn't a page of these tools"),
        (["--table=masking", "--page=OWN"], "isn't a page of these tools"),
        (
            ["--paper=local-flatness", "--table=table-1", "--page=PAGE"],
            "a paper's table takes --paper, --table, --scale, --rows, "
            "--num_seeds, --data_dir, --output_dir, --records_dir. "
            "Received: --page",
        ),
        (
            ["--paper=local-flatness", "--table=table-1", "--records_dir=FILE"],
            "can't be made: a file is in its way",
        ),
    ],
)
def test_refused(tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "own.md").write_text("mine")
    words = (("PAGE", "page.md"), ("FILE", "file"), ("OWN", "own.md"))
    for word, path in words:
        flags = [f.replace(f"={word}", f"={path}") for f in flags]
    assert _run(reproduce, *flags) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {"file": "", "own.md": "mine"}
