"""Java's numbers where the wire, the disk or an expression depends on them: they wrap, and are read strictly."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

INT_MAX: Final = (1 << 31) - 1
LONG_MAX = (1 << 63) - 1
_INTEGER: Final = re.compile(r"[+-]?0*\d{1,40}")
_DIGITS: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DOUBLE: Final = re.compile(rf"([+-]?{_DIGITS}(?:[eE][+-]?[0-9]+)?)[fFdD]?")
_HEX_DOUBLE: Final = re.compile(r"([+-]?0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?")
_NO_NUMBERS: Final = re.compile(r"([+-]?)(NaN|Infinity)")
#: What Java's String.trim takes away at both ends: no other blanks than these are.
TRIMMED: Final = "".join(map(chr, range(0x21)))


def to_int32(value: int) -> int:
    """`value` wrapped to a signed 32-bit int."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def parse_int(text: str) -> int:
    """Java's Integer.parseInt: no blanks, no underscores, 32 bits. Raises ValueError."""
    value = _integer(text, INT_MAX)
    if value is None:
        raise ValueError(f"'{text[:20]}' is not an int of Java's")
    return value


def parse_long(text: str) -> int:
    """Java's Long.parseLong: as `parse_int`, with 64 bits. Raises ValueError."""
    value = _integer(text, LONG_MAX)
    if value is None:
        raise ValueError(f"'{text[:20]}' is not a long of Java's")
    return value


def _integer(text: str, most: int) -> int | None:
    # A digit is any of Unicode's, as Character.digit has it, but none that Java keeps in two chars.
    if _INTEGER.fullmatch(text) and (text.isascii() or max(text) <= "\uffff"):
        value = int(text)
        if -most - 1 <= value <= most:
            return value
    return None


def parse_double(text: str) -> float:
    """Java's Double.parseDouble: blanks around it, a trailing `d` or `f`, `0x1p3`, NaN, Infinity. Raises ValueError."""
    found = _DOUBLE.fullmatch(text) or _DOUBLE.fullmatch(text := text.strip(TRIMMED))
    if found:
        return float(found[1])
    if found := _NO_NUMBERS.fullmatch(text):
        return float(found[1] + ("nan" if found[2] == "NaN" else "inf"))
    if found := _HEX_DOUBLE.fullmatch(text):
        try:
            return float.fromhex(found[1])
        except OverflowError:
            return float("-inf" if text.startswith("-") else "inf")
    raise ValueError(f"'{text[:20]}' is not a double of Java's")


def fixed_text(value: float, digits: int) -> str:
    """Java's `%.2f`: half up, by the shortest decimal form of the double."""
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
