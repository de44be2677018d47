"""Structs of a layout repeated: one call packs or unpacks many things that are alike.

What lives here: compiling them, and keeping few. What does not: the layouts, and what is packed (`log/`, `queue/`,
`reader.py`).
"""

from __future__ import annotations

import struct

from rocketmq_ops.common.bounded import Bounded

_MOST_STRUCTS = 64


class RepeatedStructs:
    """Big-endian structs, each compiled once it is asked for the second time."""

    def __init__(self, most: int) -> None:
        """`most`: more repetitions are not worth it; a struct takes some 30 bytes for each field."""
        self._most = most
        self._structs: dict[tuple[str, int], struct.Struct | None] = Bounded(_MOST_STRUCTS)

    def get(self, codes: str, count: int) -> struct.Struct | None:
        """The struct of `count` times some codes; None while that is not worth it."""
        found = self._structs.get((codes, count))
        if found is None and count <= self._most:
            seen = (codes, count) in self._structs
            found = self._structs[codes, count] = struct.Struct(">" + codes * count) if seen else None
        return found
