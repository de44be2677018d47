"""Java's ways to write values: columns of `printf`, doubles, dates, and the order of a HashMap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rocketmq_ops.common.javatypes import fixed_text
from rocketmq_ops.mqadmin.render.output import UNKNOWN


def columns(layout: str, *cells: object) -> str:
    """One line with its line feed. `layout` is a format in Java's spelling (`%-32s  %4d`), of which the widths and the
    side count; a cell of None is unknown."""
    width = (UNKNOWN if cell is None else str(cell) for cell in cells)
    return layout.replace("d", "s") % tuple(width) + "\n"


def front(text: str, length: int) -> str:
    """The first `length` characters: UtilAll.frontStringAtLeast, by which Apache cuts names."""
    return text[:length]


def fixed(value: float | None, digits: int) -> str:
    """`%.2f` as Java writes it, of a number that may be unknown."""
    return UNKNOWN if value is None else fixed_text(value, digits)


def double(value: float | None) -> str:
    """Double.toString."""
    if value is None:
        return UNKNOWN
    number = float(value)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return f"{number:.1f}" if number == int(number) else format(Decimal(repr(number)), "f")
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, rest = digits[0], "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{first}.{rest}E{exponent + len(digits) - 1}"


def boolean(value: bool | None) -> str:
    """Boolean.toString, of one that may be missing."""
    return "null" if value is None else str(value).lower()


def or_null(value: object) -> str:
    """String.valueOf."""
    return "null" if value is None else str(value)


def seconds(milliseconds: int | None) -> str:
    """`yyyy-MM-dd HH:mm:ss` in local time, N/A for none."""
    return "N/A" if not milliseconds else f"{datetime.fromtimestamp(milliseconds // 1000):%Y-%m-%d %H:%M:%S}"


def hash_map_order(keys: Iterable[str], capacity: int = 16) -> list[str]:
    """Keys in the order in which a java.util.HashMap with this initial capacity (a power of two) lists them."""
    names = list(keys)
    while len(names) > capacity * 3 // 4:
        capacity *= 2
    buckets: dict[int, list[str]] = {}
    for name in names:
        code = 0
        for unit in memoryview(name.encode("utf-16-le", "surrogatepass")).cast("H"):
            code = (31 * code + unit) & 0xFFFFFFFF
        buckets.setdefault((code ^ code >> 16) & (capacity - 1), []).append(name)
    return [name for number in sorted(buckets) for name in buckets[number]]
