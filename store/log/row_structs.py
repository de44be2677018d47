"""Structs for rows of things that are alike: one call packs or unpacks them all.

What lives here: compiling them, and keeping few. What does not: the codes (`layout/`), and what is packed
(`batch_items.py`, `batch_writer.py`, `queue/consume_queue.py`, `store_reader.py`).
"""

from __future__ import annotations

import struct

from rocketmq_ops.common.bounded import Bounded

_MOST_STRUCTS = 64


class RowStructs:
    """Structs of big-endian rows, compiled once the same row is seen for the second time."""

    def __init__(self, most: int) -> None:
        """`most`: longer rows are not worth it; a struct takes some 30 bytes for each field."""
        self._most = most
        self._structs: dict[tuple[str, int], struct.Struct | None] = Bounded(_MOST_STRUCTS)

    def get(self, codes: str, count: int) -> struct.Struct | None:
        """The struct of `count` times some codes; None while that is not worth it."""
        found = self._structs.get((codes, count))
        if found is None and count <= self._most:
            seen = (codes, count) in self._structs
            found = self._structs[codes, count] = struct.Struct(">" + codes * count) if seen else None
        return found
