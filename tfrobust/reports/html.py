"""HTML, piece by piece; whatever is put into it is escaped here."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from html import escape
from typing import Any

from tfrobust.reports.assets import SCRIPT
from tfrobust.reports.assets import STYLE

# Nothing is loaded from anywhere, whatever a record holds.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data: blob:"
)
_START = "<!DOCTYPE html>\n"
_BY_US = '<meta charset="utf-8"><meta name="generator" content="tfrobust">'


@dataclasses.dataclass(frozen=True)
class Html:
    """Text that is HTML already; any other text is escaped."""

    text: str


def markup(value: Any) -> str:
    """Return a value as HTML."""
    return value.text if isinstance(value, Html) else escape(str(value))


def element(name: str, *children: Any, **attributes: str) -> Html:
    """Return an element; `css` is its class."""
    shown = "".join(
        f' {"class" if key == "css" else key}="{escape(value)}"'
        for key, value in attributes.items()
    )
    inner = "".join(map(markup, children))
    return Html(f"<{name}{shown}>{inner}</{name}>")


def listing(lines: Sequence[Any]) -> Html:
    """Return an unordered list."""
    return element("ul", *(element("li", line) for line in lines))


def table(
    rows: Sequence[Sequence[Any]],
    *,
    caption: str = "",
    sortable: bool = False,
    text_columns: Sequence[int] = (),
) -> Html:
    """Return a table that scrolls by itself where it is too wide.

    Args:
        rows: the header first.
        caption: above it; default none.
        sortable: whether a click on a heading sorts.
        text_columns: that are aligned to the left, beside the first.
    """
    heads = [
        element("button", c, type="button") if sortable else c for c in rows[0]
    ]
    css = ["text" if k in text_columns else "number" for k in range(len(heads))]
    cells = [
        element("th", head, scope="col", css=kind)
        for head, kind in zip(heads, css, strict=True)
    ]
    head = element("tr", *cells)
    body = [
        element(
            "tr",
            *(
                element("td", cell, css=kind)
                for cell, kind in zip(row, css, strict=True)
            ),
        )
        for row in rows[1:]
    ]
    parts = [element("caption", caption)] if caption else []
    parts += [element("thead", head), element("tbody", *body)]
    kind = "sortable" if sortable else "plain"
    return element("div", element("table", *parts, css=kind), css="wide")


def picture(draw: Callable[[pathlib.Path], None], caption: str) -> Html:
    """Return what `draw` writes as PNG, or why there is nothing.

    Args:
        draw: writes a PNG to the path that it is given.
        caption: says what is to be seen.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "picture.png"
        try:
            draw(path)
            data = base64.b64encode(path.read_bytes()).decode()
        # One picture that can't be drawn must not cost the whole report.
        except Exception as error:
            return absent(f"{caption} No picture: {error}")
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}">'
    return element("figure", Html(image), element("figcaption", caption))


def absent(why: str) -> Html:
    """Return a place that says why nothing is there."""
    return element("p", why, css="absent")


def page(
    title: str, sections: Sequence[tuple[str, Html]], *, library: str = ""
) -> str:
    """Return a whole page.

    Args:
        title: of the page.
        sections: (heading, what stands below), in order.
        library: a script that the sections need; default none.
    """
    links, parts = [], []
    for number, (heading, body) in enumerate(sections):
        anchor = f"section-{number}"
        links.append(element("a", heading, href=f"#{anchor}"))
        head = element("h2", heading)
        parts.append(element("section", head, body, id=anchor))
    scripts = [Html(f"<script>{library}</script>")] if library else []
    body = element(
        "body",
        *scripts,
        element("h1", title),
        element("nav", *links),
        element("main", *parts),
        Html(f"<script>{SCRIPT}</script>"),
    )
    head = Html(
        f'{_BY_US}<meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    html = element("html", element("head", head), body, lang="en")
    return f"{_START}{html.text}\n"


def is_page(path: pathlib.Path) -> bool:
    """Say whether a file begins as `page` begins one."""
    start = f'{_START}<html lang="en"><head>{_BY_US}'.encode()
    with path.open("rb") as file:
        return file.read(len(start)) == start
