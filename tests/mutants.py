"""Break each law on purpose; the test named for it must notice.

python -m tests.mutants [WORD ...]   only mutations whose file or test holds
                                     one of the words
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

import tqdm

_ROOT = pathlib.Path(__file__).parents[1]
_COPIED = (
    "tfrobust",
    "tools",
    "tests",
    "examples",
    "conftest.py",
    "BUILD",
    "pyproject.toml",
)


def read_mutations():
    """Return the mutations of tests/mutations.toml."""
    text = (_ROOT / "tests" / "mutations.toml").read_text()
    return tomllib.loads(text)["mutation"]


def survives(mutation):
    """Apply one mutation in a copy; say whether its test stays green."""
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory)
        for name in _COPIED:
            source = _ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name)
            else:
                shutil.copy(source, copy / name)
        path = copy / mutation["file"]
        path.write_text(mutated(path.read_text(), mutation))
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                mutation["test"],
            ],
            cwd=copy,
            capture_output=True,
            text=True,
        )
    if done.returncode not in (0, 1):
        sys.exit(f"{mutation['test']} did not run:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def check_they_fit(mutations):
    """Exit at once if a mutation no longer fits its file."""
    for mutation in mutations:
        mutated((_ROOT / mutation["file"]).read_text(), mutation)


def mutated(text, mutation):
    """Return `text` with the mutation; it must fit exactly once."""
    count = text.count(mutation["old"])
    if count != 1:
        sys.exit(
            f"{mutation['file']}: {mutation['old']!r} stands {count} times."
        )
    return text.replace(mutation["old"], mutation["new"])


def main(words):
    """Run the mutations; exit with 1 if one survives."""
    chosen = [
        m
        for m in read_mutations()
        if not words or any(w in m["file"] + m["test"] for w in words)
    ]
    check_they_fit(chosen)
    survivors = [
        m
        for m in tqdm.tqdm(chosen, desc="mutants", unit="mutant")
        if survives(m)
    ]
    for m in survivors:
        print(f"SURVIVED {m['file']}: {m['old']!r} -> {m['new']!r}")
        print(f"         {m['test']} stayed green")
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants noticed")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main(sys.argv[1:])
