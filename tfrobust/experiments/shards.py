"""A share of an evaluation's batches."""

from __future__ import annotations

import dataclasses

from tfrobust.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class Shard:
    """Every n-th batch of the fixed order, from the i-th on.

    Args:
        index: i, from 1.
        count: n; default 1: all batches.

    Raises:
        ValueError: for an index that isn't among the shards.

    Example:

    >>> [batch for batch in range(7) if batch in Shard(2, 3)]
    [1, 4]
    """

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        check_integer("shard", self.index, minimum=1)
        check_integer("shard", self.count, minimum=1)
        if self.index > self.count:
            raise ValueError(
                "`shard` must be i/n with 1 <= i <= n. "
                f"Received: shard={self.index}/{self.count}"
            )

    def __contains__(self, batch: int) -> bool:
        return batch % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def is_all(self) -> bool:
        """Whether there are no other shards."""
        return self.count == 1

    @property
    def siblings(self) -> list[Shard]:
        """All shards, this one among them."""
        return [Shard(i, self.count) for i in range(1, self.count + 1)]

    def file_name(self, stem: str, suffix: str) -> str:
        """Return the name of a file of this shard: STEM-2-of-3.SUFFIX."""
        part = "" if self.is_all else f"-{self.index}-of-{self.count}"
        return f"{stem}{part}.{suffix}"
