"""A message body as lines: text, indented JSON, hex."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, overload

from rocketmq_ops.common.json_text import laid_out

FORMS: Final = ("text", "json", "hex")
#: Bytes of a body that is shown as JSON without being asked for; those of a line of hex.
MOST_BYTES: Final = 256 * 1024
_WIDTH: Final = 16


class HexLines(Sequence[str]):
    """The body as hex: a line is made when it is drawn."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __len__(self) -> int:
        return -(-len(self._body) // _WIDTH)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return tuple(self[each] for each in range(*at.indices(len(self))))
        number = range(len(self))[at]
        part = self._body[number * _WIDTH : (number + 1) * _WIDTH]
        cells = f"{part[:8].hex(' ')}  {part[8:].hex(' ')}"
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        return f"{number * _WIDTH:08x}  {cells:<{_WIDTH * 3}}  {text}"


def form_of(body: bytes) -> str:
    """The form that shows most of it: JSON where it is an object or a list, text where it is UTF-8, else hex."""
    if len(body) <= MOST_BYTES and is_json(body):
        return "json"
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "hex"
    return "text" if all(c.isprintable() or c in "\n\r\t" for c in text[:4096]) else "hex"


def is_json(body: bytes) -> bool:
    """Whether it is an object or a list in JSON."""
    if body[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def forms_of(body: bytes) -> tuple[str, ...]:
    """The forms that it can be shown in."""
    return FORMS if is_json(body) else tuple(form for form in FORMS if form != "json")


def lines_of(body: bytes, form: str) -> Sequence[str]:
    """The body in one of its forms."""
    if form == "hex":
        return HexLines(body)
    if form == "json":
        return tuple(laid_out(body).split("\n"))
    lines = body.decode("utf-8", "backslashreplace").expandtabs(4).splitlines()
    return tuple(_printable(line) for line in lines)


def head_of(body: bytes, most: int = 60) -> str:
    """The begin of a body on one line, with a mark where it goes on."""
    text = body[: most * 4].decode("utf-8", "replace")
    text = _printable(text)
    return text[:most] + "…" if len(text) > most or len(body) > most * 4 else text


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)
