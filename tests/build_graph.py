"""BUILD and the imports it must agree with."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]


def read_targets():
    """Return the calls in BUILD: (rule, name, srcs, deps)."""
    tree = ast.parse((ROOT / "BUILD").read_text())
    for node in tree.body:
        call = node.value
        if not isinstance(call, ast.Call) or call.func.id in (
            "load",
            "package",
        ):
            continue
        values = {
            keyword.arg: ast.literal_eval(keyword.value)
            for keyword in call.keywords
            if keyword.arg != "data"  # a glob
        }
        yield (
            call.func.id,
            values["name"],
            values.get("srcs", []),
            {dep.lstrip(":") for dep in values.get("deps", [])},
        )


def source_files():
    found = [ROOT / "conftest.py"]
    for room in ("tfrobust", "tools", "tests", "examples"):
        found += (ROOT / room).rglob("*.py")
    return {str(p.relative_to(ROOT)) for p in found}


def _target_of_module(module, by_file):
    """Return the target that a dotted module name belongs to."""
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        if candidate in by_file:
            return by_file[candidate]
    return None


def imported_targets(file, by_file):
    """Return the targets that a file's imports reach, but its own."""
    tree = ast.parse((ROOT / file).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            # `from a import b`: b may be a module, or a name in a.
            names = []
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                reached = _target_of_module(inner, by_file)
                names.append(inner if reached else node.module)
        else:
            continue
        found |= {_target_of_module(name, by_file) for name in names}
    return found - {None, by_file[file]}
