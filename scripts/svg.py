"""Pictures of a screen as SVG: what is the same at each run, and wide characters as wide as terminals draw them."""

from __future__ import annotations

import html
import re

from rich.cells import cell_len

_TEXT = re.compile(r'(<text [^>]*?textLength=")([0-9.]+)("[^>]*>)([^<]*)')


def mended(svg: str) -> str:
    """What Textual exports, without names that are others at each run, and with the length of each text counted in
    cells: it is counted there in characters, and Chinese ones are squeezed into half of their width."""

    def text(found: re.Match[str]) -> str:
        begin, length, end, escaped = found.groups()
        plain = html.unescape(escaped)
        if not plain.isascii() and plain:
            length = f"{float(length) / len(plain) * cell_len(plain):g}"
        return f"{begin}{length}{end}{escaped}"

    return re.sub(r"terminal-\d+", "terminal", _TEXT.sub(text, svg))
