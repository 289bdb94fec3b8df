"""Whose weights were rounded to those that are kept, said and found."""

from __future__ import annotations

from tfrobust.records import CardRecord


def told_origin(digest: str) -> str:
    """Return in words what weights of a digest are to kept ones."""
    return f"of the float32 weights ({digest[:12]}) that were rounded to these"


def is_rounded_from(card: CardRecord, digest: str) -> bool:
    """Say whether a card is of weights of a digest, rounded."""
    return told_origin(digest) in card.results_of
