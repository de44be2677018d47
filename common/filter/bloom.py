"""The bits that stand for a consumer in the bloom filter of a message: its hash functions, and the sizes it derives.

Brokers keep the bits of each consumer group in `consumerFilter.json`. Mirrors BloomFilter, which hashes by Guava's
murmur3_128 (x64, seed 0).
"""

from __future__ import annotations

import math
from typing import Final

from rocketmq_ops.common.javatypes import to_int32

_MASK: Final = (1 << 64) - 1
_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


class BloomFilter:
    """The filter for an error rate (percent, 1 to 99) and the number of consumers that are expected. Raises ValueError.

    `hashes` is how many bits a consumer sets, `bits` how many there are, a multiple of 8.
    """

    def __init__(self, error_rate: int, consumers: int) -> None:
        if not 1 <= error_rate < 100 or consumers < 1:
            raise ValueError(f"no bloom filter has an error rate of {error_rate} % for {consumers} consumers")
        rate = error_rate / 100.0
        self.hashes = math.ceil(math.log(rate) / math.log(0.5))
        wanted = math.ceil(consumers * (math.log(1 / rate) / math.log(2)) * (math.log(math.e) / math.log(2)))
        self.bits = -(-wanted // 8) * 8

    def positions(self, text: str) -> list[int]:
        """The bits of a text (calcBitPositions)."""
        value = murmur3_64(text.encode("utf-8", "replace"))
        first, second = to_int32(value), to_int32(value >> 32)
        found = []
        for number in range(1, self.hashes + 1):
            combined = to_int32(first + number * second)
            found.append((~combined if combined < 0 else combined) % self.bits)
        return found


def murmur3_64(data: bytes) -> int:
    """The lower half of MurmurHash3 x64 128 with seed 0, unsigned."""
    first = second = 0
    whole = len(data) - len(data) % 16
    for at in range(0, whole, 16):
        first ^= _mixed(int.from_bytes(data[at : at + 8], "little"), _C1, 31, _C2)
        first = (_rotated(first, 27) + second) * 5 + 0x52DCE729 & _MASK
        second ^= _mixed(int.from_bytes(data[at + 8 : at + 16], "little"), _C2, 33, _C1)
        second = (_rotated(second, 31) + first) * 5 + 0x38495AB5 & _MASK
    rest = data[whole:]
    second ^= _mixed(int.from_bytes(rest[8:], "little"), _C2, 33, _C1)
    first ^= _mixed(int.from_bytes(rest[:8], "little"), _C1, 31, _C2)
    first ^= len(data)
    second ^= len(data)
    first = first + second & _MASK
    second = second + first & _MASK
    return _finished(first) + _finished(second) & _MASK


def _mixed(value: int, before: int, by: int, after: int) -> int:
    return _rotated(value * before & _MASK, by) * after & _MASK


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK


def _finished(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33
