"""Whether what is given as a covariance can be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_EXACT = 1024


def check_symmetric(name: str, value: np.ndarray, mirrored: np.ndarray) -> None:
    """Raise `ValueError` where an array isn't its own mirror image.

    Args:
        name: of what the array is, beginning the message.
        value: finite or not.
        mirrored: the transpose, or what stands for it.
    """
    difference = np.abs(value - mirrored).max()
    if not difference <= 1e-5 * np.abs(value).max():
        raise ValueError(
            f"{name} must be finite and symmetric. Received: an entry "
            f"that differs from its mirror image by {difference:.3g}"
        )


def check_semidefinite(product: Callable[[np.ndarray], Any], size: int) -> None:
    """Raise `ValueError` where a negative eigenvalue shows.

    Up to a thousand pixels all eigenvalues are looked at. Above, Lanczos'
    method without reorthogonalisation: its least Ritz value is a
    Rayleigh quotient, so one clearly below zero is a proof.

    Args:
        product: vector of length `size` -> the covariance times it.
        size: number of pixels.
    """
    if size <= _EXACT:
        values = np.linalg.eigvalsh(np.stack([*map(product, np.eye(size))]))
        _refuse_negative(values[0], values[-1])
        return
    rng = np.random.default_rng(0)
    v, before, beta = rng.normal(size=size), np.zeros(size), 0.0
    v /= np.linalg.norm(v)
    diagonal, off = [], []
    for _ in range(min(size, 60)):
        w = product(v) - beta * before
        diagonal.append(v @ w)
        w -= diagonal[-1] * v
        beta = float(np.linalg.norm(w))
        if beta < 1e-10 * max(1.0, abs(diagonal[0])):
            break
        off.append(beta)
        before, v = v, w / beta
    count = len(diagonal)
    off = off[: count - 1]
    tridiagonal = np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)
    ritz = np.linalg.eigvalsh(tridiagonal)
    _refuse_negative(ritz[0], ritz[-1])


def _refuse_negative(least: float, largest: float) -> None:
    if least < -1e-5 * max(abs(least), abs(largest)):
        raise ValueError(
            "A fixed covariance must be positive semidefinite. Received: an "
            f"eigenvalue of {least:.3g} or less, the largest {largest:.3g}"
        )
