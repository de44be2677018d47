"""Counts distinct values in little memory: exactly as long as they are few, then with a HyperLogLog."""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

EXACT_UP_TO: Final = 50_000
LONG: Final = 64  # bytes; of longer values a digest is kept
_BITS: Final = 14
REGISTERS: Final = 1 << _BITS
STANDARD_ERROR: Final = 1.04 / math.sqrt(REGISTERS)  # 0.8 %


class Cardinality:
    """Feed `add()`; `estimate` is exact up to EXACT_UP_TO distinct values, then right to about STANDARD_ERROR (one
    sigma).

    The hash is 64 bits of BLAKE2b, so the same values give the same estimate in every run.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] | None = set()
        self._registers = bytearray(0)
        self.total = 0

    def add(self, values: Iterable[bytes]) -> None:
        """Take in values; those that were there before change nothing but the total."""
        if self._seen is not None:
            before = self.total
            for value in values:
                self._seen.add(value if len(value) <= LONG else blake2b(value, digest_size=16).digest())
                before += 1
            self.total = before
            if len(self._seen) > EXACT_UP_TO:
                self._registers = bytearray(REGISTERS)
                for value in self._seen:
                    self._count(value)
                self._seen = None
            return
        for value in values:
            self.total += 1
            self._count(value if len(value) <= LONG else blake2b(value, digest_size=16).digest())

    def _count(self, value: bytes) -> None:
        bits = int.from_bytes(blake2b(value, digest_size=8).digest(), "big")
        register, rest = bits & (REGISTERS - 1), bits >> _BITS
        rank = (64 - _BITS) - rest.bit_length() + 1
        if rank > self._registers[register]:
            self._registers[register] = rank

    @property
    def exact(self) -> bool:
        """True while the number is exact."""
        return self._seen is not None

    @property
    def method(self) -> str:
        """How the number was found, and its error."""
        if self._seen is not None:
            return "exact"
        return f"HyperLogLog, {REGISTERS} registers, standard error {STANDARD_ERROR:.1%}"

    @property
    def estimate(self) -> int:
        """How many distinct values there were."""
        if self._seen is not None:
            return len(self._seen)
        alpha = 0.7213 / (1 + 1.079 / REGISTERS)
        raw = alpha * REGISTERS * REGISTERS / sum(2.0**-rank for rank in self._registers)
        empty = self._registers.count(0)
        if raw <= 2.5 * REGISTERS and empty:
            return round(REGISTERS * math.log(REGISTERS / empty))
        return round(raw)
