"""A message body as lines: text, indented JSON, hex."""

from __future__ import annotations

import json
from typing import Final

FORMS: Final = ("text", "json", "hex")
#: Bytes of a body that are shown, and bytes a line of hex.
MOST_BYTES: Final = 256 * 1024
_WIDTH: Final = 16


def form_of(body: bytes) -> str:
    """The form that shows most of it: JSON where it is an object or a list, text where it is UTF-8, else hex."""
    if body[:1] in (b"{", b"[") and len(body) <= MOST_BYTES:
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            pass
        else:
            return "json"
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "hex"
    return "text" if all(c.isprintable() or c in "\n\r\t" for c in text[:4096]) else "hex"


def lines_of(body: bytes, form: str) -> tuple[str, ...]:
    """The body in a form; as text where it is no JSON."""
    shown = body[:MOST_BYTES]
    if form == "hex":
        return tuple(_hex(shown))
    if form == "json":
        try:
            return tuple(json.dumps(json.loads(body), ensure_ascii=False, indent=2).splitlines())
        except (ValueError, RecursionError):
            pass
    lines = shown.decode("utf-8", "backslashreplace").expandtabs(4).splitlines()
    return tuple(_printable(line) for line in lines)


def head_of(body: bytes, most: int = 60) -> str:
    """The begin of a body on one line, with a mark where it goes on."""
    text = body[: most * 4].decode("utf-8", "replace")
    text = _printable(text)
    return text[:most] + "…" if len(text) > most or len(body) > most * 4 else text


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)


def _hex(body: bytes) -> list[str]:
    lines = []
    for at in range(0, len(body), _WIDTH):
        part = body[at : at + _WIDTH]
        cells = f"{part[:8].hex(' ')}  {part[8:].hex(' ')}"
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{at:08x}  {cells:<{_WIDTH * 3}}  {text}")
    return lines
