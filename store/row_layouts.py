"""Structs for rows of things that are alike: one call packs or unpacks them all.

What lives here: compiling them, and keeping few. What does not: the layouts (`batch_items.py`, `batch_writer.py`,
`consume_queue.py`, `store_reader.py`).
"""

from __future__ import annotations

import struct

from ..common.bounded import Bounded

_MOST_LAYOUTS = 64


class RowLayouts:
    """Structs of big-endian rows, compiled once the same row is seen for the second time."""

    def __init__(self, most: int) -> None:
        """`most`: longer rows are not worth it; a struct takes some 30 bytes for each field."""
        self._most = most
        self._structs: dict[tuple[str, int], struct.Struct | None] = Bounded(_MOST_LAYOUTS)

    def get(self, layout: str, count: int) -> struct.Struct | None:
        """The struct of `count` times a layout; None while that is not worth it."""
        found = self._structs.get((layout, count))
        if found is None and count <= self._most:
            seen = (layout, count) in self._structs
            found = self._structs[layout, count] = struct.Struct(">" + layout * count) if seen else None
        return found
