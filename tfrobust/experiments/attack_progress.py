"""A bar over all attacks of an evaluation."""

from __future__ import annotations

import sys
import time
from typing import Any

import tqdm

from tfrobust.attacks.working_set import watched


class AttackProgress:
    """One bar over all attacks, named after the one that runs.

    Args:
        total: examples of all attacks together.
        label: stands before the attack's name; default none.
    """

    def __init__(self, total: int, label: str = "") -> None:
        self._label = label
        self._total = total
        self._name = label
        self._bar: tqdm.tqdm | None = None
        self._shown = 0.0

    def __enter__(self) -> AttackProgress:
        self._watching = watched(self._sign_of_life)
        self._watching.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._watching.__exit__(*error)
        if self._bar is not None:
            self._bar.set_postfix_str("")
            self._bar.close()

    def __call__(self, name: str, done: int) -> None:
        self._name = f"{self._label} {name}".strip()
        if done or self._bar is not None:
            bar = self._opened()
            bar.set_description(self._name, False)
            bar.update(done)

    def _sign_of_life(self, rows: int, *_: Any) -> None:
        """Say how many a long attack still works on."""
        bar, now = self._opened(), time.monotonic()
        bar.set_postfix_str(f"{rows} standing", refresh=False)
        if now - self._shown >= bar.mininterval:
            self._shown = now
            bar.refresh()

    def _opened(self) -> tqdm.tqdm:
        # Opened at the first sign of life: before, there may be an error.
        if self._bar is None:
            self._bar = tqdm.tqdm(
                desc=self._name or None,
                total=self._total,
                unit="image",
                file=sys.stderr,
                mininterval=0.5 if sys.stderr.isatty() else 20.0,
                dynamic_ncols=True,
            )
        return self._bar
