"""Long work in pieces, which whoever asks may keep and give back."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tfrobust.arguments import check_integer
from tfrobust.arguments import check_type
from tfrobust.attacks.base import Attack
from tfrobust.attacks.base import AttackResult
from tfrobust.attacks.base import predict_logits
from tfrobust.inputs import check_classifier
from tfrobust.inputs import check_images
from tfrobust.inputs import check_labels

Arrays = dict[str, np.ndarray]
Compute = Callable[[], Arrays]
Keep = Callable[[str, Compute], Arrays]
_KEEP: contextvars.ContextVar[Keep | None] = contextvars.ContextVar(
    "keep", default=None
)


@contextlib.contextmanager
def kept_by(keep: Keep) -> Iterator[None]:
    """Let `keep(name, compute)` answer for every piece inside.

    Args:
        keep: returns arrays by name: what it kept of that piece, or what
            `compute()` returns now.
    """
    token = _KEEP.set(keep)
    try:
        yield
    finally:
        _KEEP.reset(token)


def piece(name: str, compute: Compute) -> Arrays:
    """Return `compute()`, or what was kept of it; see `kept_by`.

    Args:
        name: of the piece, no other's in the work.
        compute: what takes long.
    """
    keep = _KEEP.get()
    return compute() if keep is None else keep(name, compute)


def check_attacks(attacks: Any) -> None:
    """Raise `ValueError` unless `attacks` is a mapping of names to attacks."""
    check_type("attacks", attacks, Mapping, example='{"pgd": PGD(ball)}')
    for name, attack in attacks.items():
        check_type(f"attacks[{name!r}]", attack, Attack, example="PGD(ball)")


def attacked(
    name: str,
    attack: Attack,
    classifier: keras.Model,
    x: Any,
    y: Any,
    *,
    batch_size: int = 250,
    progress: Callable[[int], None] | None = None,
) -> AttackResult:
    """Return what `attack(classifier, x, y)` does, a piece for each batch.

    Args:
        name: of the pieces.
        attack, classifier, x, y, batch_size, progress: see `Attack`.
    """
    check_integer("batch_size", batch_size, minimum=1)
    x = check_images(x, bounds=attack.threat_model.bounds)
    check_classifier(classifier, x)
    classes = predict_logits(classifier, x[:1]).shape[1]
    y = check_labels(y, num_examples=len(x), num_classes=classes)
    ids = np.arange(len(x))
    parts = []
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)

        def compute(rows: slice = rows) -> Arrays:
            return vars(
                attack(classifier, x[rows], y[rows], example_ids=ids[rows])
            )

        parts.append(piece(f"{name} {start}", compute))
        if progress is not None:
            progress(len(x[rows]))
    whole = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    return AttackResult(**whole)
