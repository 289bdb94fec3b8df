"""`import tfrobust` stays light, and its names are there."""

import subprocess
import sys

import tfrobust


def test_heavy_packages_are_not_loaded():
    code = (
        "import sys, keras, tensorflow\n"
        # Keras itself may load some of them, where they are installed.
        "before = set(sys.modules)\n"
        "import tfrobust\n"
        "heavy = {'tensorflow_datasets', 'keras_tuner', 'matplotlib',"
        " 'sklearn', 'tqdm'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_clone_beside_a_script_does_not_hide_the_library(tmp_path):
    # A directory of the name is a namespace package, to most finders.
    (tmp_path / "tfrobust").mkdir()
    code = "import tfrobust; print(tfrobust.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == tfrobust.__version__, done.stderr


def test_every_public_name_is_documented():
    rooms = [tfrobust] + [
        getattr(tfrobust, name)
        for name in tfrobust.__all__
        if hasattr(getattr(tfrobust, name), "__all__")
    ]
    for room in rooms:
        for name in room.__all__:
            assert getattr(room, name).__doc__, f"{room.__name__}.{name}"
