"""Write BUILD from the tree: one target per room, tool and test.

python -m tests.write_build
"""

from tests import build_graph

_LOAD = '''"""One py_library per room, its deps the import table.

Written by `make build-file`; tests/architecture_test.py reads it.
"""

load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])
'''
# What a target reads beside its sources.
_DATA = {
    "zoo": "tfrobust/zoo/models/*",
    "tests_experiments_results_test": "docs/results/**",
}
_ORDER = ("py_library", "py_binary", "py_test")


def target_of(file):
    """Return (rule, name) of the target that a file belongs to."""
    parts = file.removesuffix(".py").split("/")
    name = "_".join(parts)
    if file.endswith("_test.py"):
        return "py_test", name
    if 'if __name__ == "__main__"' in (build_graph.ROOT / file).read_text():
        return "py_binary", name
    if parts[0] == "tfrobust":
        room = parts[1] if parts[1] != "__init__" else "tfrobust"
        return "py_library", room
    return "py_library", "tools_common" if parts[0] == "tools" else "testing"


def build_text():
    """Return the text of BUILD."""
    files = sorted(build_graph.source_files())
    targets, by_file = {}, {}
    for file in files:
        rule, name = target_of(file)
        targets.setdefault((rule, name), []).append(file)
        by_file[file] = name
    blocks = [_LOAD]
    for rule, name in sorted(targets, key=lambda t: (_ORDER.index(t[0]), t[1])):
        srcs, deps = targets[rule, name], set()
        for file in srcs:
            deps |= build_graph.imported_targets(file, by_file)
        lines = [f"{rule}(", f'    name = "{name}",', *_list("srcs", srcs)]
        if name in _DATA:
            lines.append(f'    data = glob(["{_DATA[name]}"]),')
        lines += _list("deps", [f":{dep}" for dep in sorted(deps)])
        blocks.append("\n".join([*lines, ")", ""]))
    return "\n".join(blocks)


def _list(key, values):
    if not values:
        return []
    if len(values) == 1:
        return [f'    {key} = ["{values[0]}"],']
    return [f"    {key} = [", *(f'        "{v}",' for v in values), "    ],"]


if __name__ == "__main__":
    (build_graph.ROOT / "BUILD").write_text(build_text())
