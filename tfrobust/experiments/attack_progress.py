"""A bar over all attacks of an evaluation."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import tqdm

from tfrobust.attacks import Attack
from tfrobust.attacks.working_set import watched
from tfrobust.attacks.working_set import work

_FORMAT = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class AttackProgress:
    """One bar over all attacks, named after the one that runs.

    It advances by work, so that AutoAttack weighs more than FGSM. What is
    left is the most that can be: examples that fall, or were kept from an
    earlier run, take theirs off the total.

    Args:
        *planned: pairs of attacks by name and how many examples each gets.
        label: stands before the attack's name; default none.
    """

    def __init__(
        self, *planned: tuple[Mapping[str, Attack], int], label: str = ""
    ) -> None:
        self._label = self._name = label
        self._each = {
            name: attack.most_work
            for attacks, _ in planned
            for name, attack in attacks.items()
        }
        self._total = sum(
            count * self._each[name]
            for attacks, count in planned
            for name in attacks
        )
        self._bar: tqdm.tqdm | None = None
        self._begun = self._spent = 0
        self._shown = 0.0

    def __enter__(self) -> AttackProgress:
        self._watching = watched(self._chunk_begins)
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
            if done:
                self._advance(bar)
                bar.total += self._spent - done * self._each[name]
                self._spent = 0

    def _chunk_begins(
        self, rows: int, steps: int, needs: tuple[str, ...]
    ) -> None:
        """Count the chunk before; say how many a long attack works on."""
        bar, now = self._opened(), time.monotonic()
        self._advance(bar)
        self._begun = rows * work(steps, needs)
        bar.set_postfix_str(f"{rows} standing", refresh=False)
        if now - self._shown >= bar.mininterval:
            self._shown = now
            bar.refresh()

    def _advance(self, bar: tqdm.tqdm) -> None:
        """Count what had begun as done."""
        bar.update(self._begun)
        self._spent += self._begun
        self._begun = 0

    def _opened(self) -> tqdm.tqdm:
        # Opened at the first sign of life: before, there may be an error.
        if self._bar is None:
            self._bar = tqdm.tqdm(
                desc=self._name and f"{self._name}: ",
                total=self._total,
                bar_format=_FORMAT,
                file=sys.stderr,
                mininterval=0.5 if sys.stderr.isatty() else 20.0,
                dynamic_ncols=True,
            )
        return self._bar
