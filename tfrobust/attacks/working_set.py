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
Watch = Callable[[int, int, tuple[str, ...]], None]
GRADIENT = ("input_gradient",)
# In forward passes: a backward pass is about two, a jacobian one per class.
_WORK = {"forward": 1, "input_gradient": 3, "jacobian": 21}
_WATCH: contextvars.ContextVar[Watch | None] = contextvars.ContextVar(
    "watch", default=None
)


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell `watch` of every chunk of steps that begins inside.

    A sign of life of attacks that run for minutes, and what a benchmark has
    to do again with bare calls.

    Args:
        watch: takes rows, steps, and the calls of the classifier that a step
            can't avoid: names among "forward", "input_gradient" (forward
            and backward) and "jacobian".
    """
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


def work(steps: int, needs: tuple[str, ...]) -> int:
    """Return about how many forward passes so many steps are worth.

    Args:
        steps: of one example.
        needs: of a step; see `watched`. A jacobian counts as ten classes'.
    """
    return steps * sum(_WORK[call] for call in needs)


def tell(rows: int, steps: int, needs: tuple[str, ...]) -> None:
    """Tell whoever watches that a chunk begins; see `watched`."""
    watch = _WATCH.get()
    if watch is not None:
        watch(rows, steps, needs)


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
    needs: tuple[str, ...] = GRADIENT,
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
        needs: calls that a step can't avoid; see `watched`.

    Returns:
        The structure of `result` as numpy arrays, rows in their old order.
    """
    out = tf.nest.map_structure(lambda t: np.array(t), result(state))
    standing, done = np.arange(len(tf.nest.flatten(out)[0])), 0
    while standing.size:
        chunk = num_steps - done
        if shrinks:
            chunk = min(chunk, max(first_chunk, min(done, _LONGEST_CHUNK)))
        tell(len(standing), chunk, needs)
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
