"""Counts of bytes as brokers write them among their runtime figures (MixAll.humanReadableByteCount, binary units)."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: Java writes the decimal sign of its host's language.
_SIZE: Final = re.compile(r"(\d+(?:[.,]\d+)?) (\w+)")
_CAPACITY: Final = re.compile(r"Total : (.+), Free : (.+)\.")


def readable_bytes(count: int) -> str:
    """`512 B`, `1.5 KiB`, `252.0 GiB`."""
    if count < 1024:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, 6)
    return f"{count / 1024**power:.1f} {_UNITS[power]}"


def bytes_of(text: str) -> float | None:
    """What `readable_bytes` wrote, as exact as it is; None for what is no such text."""
    found = _SIZE.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        return None
    return float(found[1].replace(",", ".")) * 1024.0 ** _UNITS.index(found[2])


def capacity_text(total: int, free: int) -> str:
    """A disk as the figure `commitLogDirCapacity` has it."""
    return f"Total : {readable_bytes(total)}, Free : {readable_bytes(free)}."


def capacity_of(text: str) -> tuple[float, float] | None:
    """The bytes of a disk, and those that are free, of a figure `commitLogDirCapacity`."""
    found = _CAPACITY.fullmatch(text)
    if found is None:
        return None
    total, free = bytes_of(found[1]), bytes_of(found[2])
    return None if total is None or free is None else (total, free)
