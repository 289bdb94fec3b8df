"""Where a result comes from."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.version import __version__

# Asked themselves: tensorflow-cpu is tensorflow under another name.
_PACKAGES = {"tensorflow": tf, "keras": keras, "numpy": np}

_CODE = ("tfrobust", "tools", ":!tfrobust/zoo/models")


def provenance(seed: int) -> dict[str, Any]:
    """Return seed, versions and source revision, as plain JSON data."""
    versions = {name: str(p.__version__) for name, p in _PACKAGES.items()}
    return {
        "seed": seed,
        "tfrobust": __version__,
        "revision": revision(),
        "python": platform.python_version(),
        **versions,
    }


def training_provenance(seed: int) -> dict[str, Any]:
    """Return the same, and what else decides the last bits of weights.

    With the same threads and kernels of one processor, a training is
    repeated to the bit; with others, in other roundings.
    """
    configured = tf.config.threading.get_intra_op_parallelism_threads()
    return {
        **provenance(seed),
        "threads": configured or _usable_cores(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def _usable_cores() -> int | None:
    """Return the cores that this process may use; TensorFlow takes all."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def recorded(origin: Mapping[str, Any], name: str) -> str:
    """Return what a provenance tells of a name, "unknown" if nothing.

    Example:

    >>> recorded({"revision": "0123abc"}, "revision")
    '0123abc'
    >>> recorded({}, "keras")
    'unknown'
    """
    return str(origin.get(name, "unknown"))


def revision() -> str:
    """Return the commit of a source checkout, "+" if its code was changed.

    "unknown" where the package isn't in one.
    """
    root = pathlib.Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "unknown"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        # Models and pages of results are written into the checkout, too.
        status = ("status", "--porcelain", "--untracked-files=no")
        changed = _git(root, *status, "--", *_CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(root: pathlib.Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
