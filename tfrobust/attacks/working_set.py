"""The one loop over chunks of steps: what is finished leaves."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

FIRST_CHUNK = 4
_LONGEST_CHUNK = 64
_TAKEN: contextvars.ContextVar[list[tuple[int, int]] | None] = (
    contextvars.ContextVar("taken", default=None)
)


@contextlib.contextmanager
def recorded_chunks() -> Iterator[list[tuple[int, int]]]:
    """Collect (rows, steps) of every chunk that attacks take inside.

    What an attack did, for a benchmark to do again with bare calls.
    """
    chunks: list[tuple[int, int]] = []
    token = _TAKEN.set(chunks)
    try:
        yield chunks
    finally:
        _TAKEN.reset(token)


def advance_shrinking(
    state: Any,
    rows: Any,
    advance: Callable[[Any, Any, int, int], Any],
    *,
    finished: Callable[[Any], tf.Tensor],
    result: Callable[[Any], Any],
    num_steps: int,
    shrinks: bool = True,
    first_chunk: int = FIRST_CHUNK,
) -> Any:
    """Advance a state by chunks of rising length; drop rows that finished.

    Args:
        state: nested tensors with one row per example.
        rows: what else has a row per example and stays as it is.
        advance: `(state, rows, steps taken, steps to take) -> state`.
        finished: which rows of a state need no more steps.
        result: nested tensors that are wanted of a row when it leaves.
        num_steps: of a row that doesn't finish.
        shrinks: whether to look before the last step; default True.
        first_chunk: steps before the first look; then as many as were taken
            so far.

    Returns:
        The structure of `result` as numpy arrays, rows in their old order.
    """
    out = tf.nest.map_structure(lambda t: np.array(t), result(state))
    standing, done = np.arange(len(tf.nest.flatten(out)[0])), 0
    while standing.size:
        chunk = num_steps - done
        if shrinks:
            chunk = min(chunk, max(first_chunk, min(done, _LONGEST_CHUNK)))
        taken = _TAKEN.get()
        if taken is not None:
            taken.append((len(standing), chunk))
        state = advance(state, rows, done, chunk)
        done += chunk
        leaving = finished(state).numpy() | (done == num_steps)
        if not leaving.any():
            continue
        parts = tf.nest.flatten(result(state))
        for whole, part in zip(tf.nest.flatten(out), parts, strict=True):
            whole[standing[leaving]] = part.numpy()[leaving]
        keep = np.flatnonzero(~leaving)
        standing = standing[keep]
        state, rows = tf.nest.map_structure(
            lambda t, keep=keep: tf.gather(t, keep), (state, rows)
        )
    return out
