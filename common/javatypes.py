"""Java's integers where the wire or the disk depends on them: they wrap, and Integer.parseInt is strict."""

from __future__ import annotations

import re
from typing import Final

LONG_MAX = (1 << 63) - 1
_INT: Final = re.compile(r"[+-]?[0-9]{1,40}")


def to_int32(value: int) -> int:
    """`value` wrapped to a signed 32-bit int."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def parse_int(text: str) -> int:
    """Java's Integer.parseInt: no blanks, no underscores, 32 bits. Raises ValueError."""
    value = int(text) if _INT.fullmatch(text) else 1 << 40
    if value != to_int32(value):
        raise ValueError(f"'{text[:20]}' is not an int of Java's")
    return value
