"""A hex view of a record with its fields coloured, and the legend. Plain text where there is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

_COLOURS = (36, 33, 32, 35, 34, 31, 96, 93, 92, 95, 94, 91)
WIDTH = 16
SHOWN_ROWS = 40


def colours_wanted(choice: str) -> bool:
    """`always`, `never`, or for `auto` whether stdout is a terminal and NO_COLOR is not set."""
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def hex_view(record: bytes, fields: Sequence[dict[str, Any]], position: int, *, colour: bool, full: bool) -> list[str]:
    """Lines of 16 bytes with their position in the file, hex and text; the middle of a long record is left out unless
    `full`."""
    owner = bytearray(len(record))
    for number, field in enumerate(fields):
        begin = field["offset"]
        owner[begin : begin + field["length"]] = bytes([number % 256]) * field["length"]
    starts = list(range(0, len(record), WIDTH))
    lines = []
    for index, start in enumerate(starts):
        if not full and len(starts) > SHOWN_ROWS and SHOWN_ROWS // 2 <= index < len(starts) - SHOWN_ROWS // 2:
            if index == SHOWN_ROWS // 2:
                hidden = (len(starts) - SHOWN_ROWS) * WIDTH
                lines.append(f"  ... {hidden} bytes are not shown, --full shows them ...")
            continue
        lines.append(_line(record, owner, start, position, colour))
    return lines


def legend(fields: Sequence[dict[str, Any]], values: dict[str, str], *, colour: bool) -> list[str]:
    """A line for each field: its bytes within the record, its name in its colour, its value."""
    width = max(len(field["name"]) for field in fields)
    lines = []
    for number, field in enumerate(fields):
        end = field["offset"] + field["length"]
        name = _paint(f"{field['name']:<{width}}", number, colour)
        lines.append(f"  {field['offset']:>6}-{end:<6} {name}  {values.get(field['name'], '')}".rstrip())
    return lines


def _line(record: bytes, owner: bytearray, start: int, position: int, colour: bool) -> str:
    cells, text = [], []
    for at in range(start, start + WIDTH):
        gap = "  " if at == start + WIDTH // 2 else " " if at > start else ""
        if at >= len(record):
            cells.append(gap + "  ")
            continue
        byte = record[at]
        shown = chr(byte) if 32 <= byte < 127 else "."
        cells.append(gap + _paint(f"{byte:02x}", owner[at], colour))
        text.append(_paint(shown, owner[at], colour))
    return f"  {position + start:08x}  {''.join(cells)}  {''.join(text)}"


def _paint(text: str, number: int, colour: bool) -> str:
    return f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{text}\x1b[0m" if colour else text
