"""Java's arithmetic where the wire or the disk depends on it: wrapping integers and String.hashCode."""

from __future__ import annotations

from functools import lru_cache

LONG_MAX = (1 << 63) - 1


def to_int32(value: int) -> int:
    """`value` wrapped to a signed 32-bit int."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def to_int64(value: int) -> int:
    """`value` wrapped to a signed 64-bit long."""
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def string_hash(text: str) -> int:
    """Java's String.hashCode: over UTF-16 code units, a signed 32-bit int."""
    value = 0
    if text.isascii():
        for unit in text.encode("ascii"):
            value = value * 31 + unit
    else:
        raw = text.encode("utf-16-be", "surrogatepass")
        for i in range(0, len(raw), 2):
            value = value * 31 + (raw[i] << 8 | raw[i + 1])
    return to_int32(value)


@lru_cache(maxsize=4096)
def tags_hash(tags: str) -> int:
    """Hash of a tag as a consumequeue unit holds it (String.hashCode; few distinct tags, hence cached)."""
    return string_hash(tags)
