"""Columns of whole numbers as bytes: differences to a key column, byte by byte of equal weight, compressed.

Offsets are large, and what they grow by between two runs is small: of eight bytes six or seven are 0 in nearly every
row. Put together by weight they take next to nothing.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

import zstandard

#: What is not known. Outside of what an offset can be.
ABSENT = -(1 << 63)
_LARGEST = 1 << 61
_WIDTH = 8


def column(values: Iterable[int | None]) -> array[int]:
    """The values, with ABSENT for None and for what no broker can mean."""
    return array("q", [ABSENT if v is None or not -_LARGEST < v < _LARGEST else v for v in values])


def packed(values: array[int], key: array[int] | None = None) -> bytes:
    """The column as bytes; with `key`, a column as long, by its differences to that."""
    if key is not None:
        values = array(
            "q",
            [ABSENT if v == ABSENT else v if k == ABSENT else v - k for v, k in zip(values, key, strict=True)],
        )
    return _squeezed(values)


def packed_floats(values: Sequence[float]) -> bytes:
    """The column of floats as bytes."""
    return _squeezed(array("d", values))


def unpacked(data: bytes, begin: int, end: int, key: array[int] | None = None) -> array[int]:
    """The rows from `begin` to `end` of a packed column. `key` are the same rows of the key column."""
    values = array("q", _spread(data, begin, end))
    if key is None:
        return values
    return array(
        "q",
        [ABSENT if v == ABSENT else v if k == ABSENT else v + k for v, k in zip(values, key, strict=True)],
    )


def unpacked_floats(data: bytes, begin: int, end: int) -> array[float]:
    """The rows from `begin` to `end` of a packed column of floats."""
    return array("d", _spread(data, begin, end))


def _squeezed(values: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    raw = values.tobytes()
    return zstandard.ZstdCompressor(level=3).compress(b"".join(raw[weight::_WIDTH] for weight in range(_WIDTH)))


def _spread(data: bytes, begin: int, end: int) -> bytes:
    planes = zstandard.ZstdDecompressor().decompress(data)
    rows = len(planes) // _WIDTH
    raw = bytearray(_WIDTH * (end - begin))
    for weight in range(_WIDTH):
        place = weight if sys.byteorder == "little" else _WIDTH - 1 - weight
        raw[place::_WIDTH] = planes[weight * rows + begin : weight * rows + end]
    return bytes(raw)


def squeezed(data: bytes) -> bytes:
    """Bytes of texts, compressed."""
    return zstandard.ZstdCompressor(level=3).compress(data)


def spread(data: bytes) -> bytes:
    """And back."""
    return zstandard.ZstdDecompressor().decompress(data)
