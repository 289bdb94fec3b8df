"""A card of the zoo, in lines to read."""

from __future__ import annotations

from tfrobust.records import CardRecord


def card_lines(card: CardRecord) -> list[str]:
    """Return what a card tells, but for the network's configuration."""
    results = ", ".join(f"{k} {v:.2f}" for k, v in card.results.items())
    objective = (card.adaptive_objective or {}).get("class_name", "not known")
    lines = [
        f"{card.name}: {card.training.get('defense', 'a classifier')} on "
        f"{card.data}, weights sha256 {card.model_digest[:12]}",
        f"trained in {card.seconds / 60:.1f} min by: {card.command}",
        f"at revision {card.provenance.get('revision', 'not known')}",
        f"what an adaptive attack climbs: {objective}",
    ]
    if not results:
        return [*lines, "not evaluated yet"]
    if card.results_of:
        lines += [f"numbers: {results}", f"of {card.results_of}"]
    else:
        images = f"first {card.num_examples:,} test images"
        lines.append(f"% left, {images}: {results}")
    return lines + [f"attack {budget}" for budget in card.budgets]
