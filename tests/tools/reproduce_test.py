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
        (["--plan", "--claims", "--page=PAGE"], "one of --plan and --claims"),
        (["--plan", "--table=table-1", "--page=PAGE"], "are of all tables"),
        (["--claims", "--paper=sgr", "--page=PAGE"], "are of all tables"),
        (["--plan", "--rows=lfr", "--page=PAGE"], "are of all tables"),
        (["--plan", "--num_seeds=1", "--page=PAGE"], "are of all tables"),
        (["--claims", "--num_seeds=0", "--page=PAGE"], "are of all tables"),
        (["--table=digits", "--num_seeds=1"], "are of a paper's table"),
        (["--table=digits", "--rows=lfr"], "are of a paper's table"),
        (["--plan", "--page=nowhere/page.md"], "no directory for the page"),
        (["--claims", "--page=nowhere/page.md"], "no directory for the page"),
        (["--plan", "--page=FILE"], "must be a Markdown file"),
        (["--claims", "--page=record.json"], "must be a Markdown file"),
        (
            ["--paper=local-flatness", "--table=table-1", "--page=PAGE"],
            "A paper's page goes to --records_dir",
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
    for word, path in (("PAGE", "page.md"), ("FILE", "file")):
        flags = [f.replace(f"={word}", f"={path}") for f in flags]
    assert _run(reproduce, *flags) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
