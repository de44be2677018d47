"""A cache of few entries that costs nothing to look up in."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dict for what can be made again: one that has `most` entries is emptied before the next comes.

    Whatever peers send, it stays small; and which entry was used last need not be noted at every look-up.
    """

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self._most:
            self.clear()
        super().__setitem__(key, value)
