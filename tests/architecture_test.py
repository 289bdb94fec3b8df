"""BUILD is true: every file in one target, deps are imports, floors hold."""

import shutil
import subprocess

import pytest

from tests import build_graph
from tests.build_graph import ROOT as _ROOT

# The floors of the house. A room imports only from lower floors; rooms of
# one floor don't know each other.
FLOORS = [
    {"arguments", "serialization", "inputs", "version", "ops", "data"},
    {"threat_model", "objectives", "records", "schedules"},
    {"layers", "losses", "classifier"},
    {"architectures", "penalties", "attacks"},
    {"defenses"},
    {"evaluation", "analysis"},
    {"callbacks", "recipes"},
    {"tuning", "zoo"},
    {"reports"},
    {"experiments"},
    {"tfrobust"},
    {"tools"},
]
# Inside the lowest floor: leaves that everybody may read, and what reads them.
_LEAVES = {"arguments", "serialization", "inputs", "version"}
# Results are read by drawing, and by nothing of drawing's own floor.
_ALLOWED_ASIDE = {("objectives", "threat_model")}


@pytest.fixture(scope="module")
def build():
    targets = list(build_graph.read_targets())
    by_file = {}
    for _, name, srcs, _ in targets:
        for src in srcs:
            assert src not in by_file, f"{src} stands in two targets"
            by_file[src] = name
    return targets, by_file


def test_every_source_file_is_in_exactly_one_target(build):
    _, by_file = build
    assert set(by_file) == build_graph.source_files()


def test_deps_are_the_imports(build):
    targets, by_file = build
    for _, name, srcs, deps in targets:
        imported = set()
        for src in srcs:
            imported |= build_graph.imported_targets(src, by_file)
        assert deps == imported, name


def test_rules_fit_what_they_name(build):
    for rule, name, srcs, _ in build[0]:
        kinds = {
            "py_test": all(s.endswith("_test.py") for s in srcs),
            "py_binary": all(
                "__main__" in (_ROOT / s).read_text() for s in srcs
            ),
            "py_library": not any(s.endswith("_test.py") for s in srcs),
        }
        assert kinds[rule], name
        assert rule == "py_library" or len(srcs) == 1, name


def _floor(name):
    room = name.split("/")[0] if "/" in name else name
    room = "tools" if name.startswith("tools") else room
    for index, rooms in enumerate(FLOORS):
        if room in rooms:
            return index
    return None


def test_a_room_imports_only_from_lower_floors(build):
    for rule, name, _, deps in build[0]:
        own = _floor(name)
        if rule == "py_test" or own is None or name.startswith("tools"):
            continue
        for dep in deps:
            below = _floor(dep)
            allowed = below < own or (below == own and dep in _LEAVES)
            allowed = allowed or (name, dep) in _ALLOWED_ASIDE
            assert allowed, f"{name} imports {dep}"


def test_leaves_import_no_room(build):
    deps = {name: d for _, name, _, d in build[0]}
    for leaf in _LEAVES:
        assert deps[leaf] <= _LEAVES


def test_drawing_sees_records_alone(build):
    deps = {name: d for _, name, _, d in build[0]}
    assert deps["reports"] == {"records"}


def test_the_library_has_no_flags_and_no_private_keras(build):
    for file in build_graph.source_files():
        if not file.startswith("tfrobust/"):
            continue
        text = (_ROOT / file).read_text()
        assert "keras.src" not in text, file
        assert "absl" not in text or "absl-py" in text, file


@pytest.mark.skipif(
    shutil.which("bazel") is None,
    reason="no bazel; Debian's bazel-bootstrap has one",
)
def test_bazel_reads_the_build_file(tmp_path, build):
    # Offline there is no rules_python: a stub of its three rules stands in.
    stub = tmp_path / "rules_python"
    (stub / "python").mkdir(parents=True)
    (stub / "WORKSPACE").touch()
    (stub / "python" / "BUILD").touch()
    rules = "\n".join(
        f"{r} = native.{r}" for r in ("py_binary", "py_library", "py_test")
    )
    (stub / "python" / "defs.bzl").write_text(rules + "\n")
    work = tmp_path / "work"
    work.mkdir()
    (work / "WORKSPACE").write_text(
        'local_repository(name = "rules_python", path = "../rules_python")\n'
    )
    for file in [*build_graph.source_files(), "BUILD"]:
        (work / file).parent.mkdir(parents=True, exist_ok=True)
        (work / file).write_text((_ROOT / file).read_text())
    done = subprocess.run(
        [
            "bazel",
            "--batch",
            "--output_user_root",
            str(tmp_path / "out"),
            "query",
            "//...",
        ],
        cwd=work,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(build[0])
