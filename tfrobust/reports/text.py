"""Tables as aligned text and as Markdown, in which a name stays text."""

from __future__ import annotations

from tfrobust.reports.tables import Rows


def as_text(rows: Rows) -> str:
    """Return rows as aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def as_markdown(rows: Rows) -> str:
    """Return rows as a Markdown table; bars and tags are escaped."""
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def markdown_text(text: str) -> str:
    """Return text in one line that is read as it stands: no tag, no link."""
    text = " ".join(text.splitlines())
    for mark in "\\`*[]":  # the backslash first, before it escapes others
        text = text.replace(mark, f"\\{mark}")
    # Bare addresses are links too.
    for live, dead in _DEAD.items():
        text = text.replace(live, dead)
    return text


_DEAD = {"<": "&lt;", "://": "&#58;//", "www.": "www&#46;", "@": "&#64;"}


def _cell(text: str) -> str:
    return markdown_text(text).replace("|", "\\|")
