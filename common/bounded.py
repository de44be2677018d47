"""Tables that stay small: a cache that costs nothing to look up in, and things that have to be given back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

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
        if len(self) >= self._most and key not in self:
            self.clear()
        super().__setitem__(key, value)


class Newest(Generic[K]):
    """What was added last: the one that was added longest ago goes when there are more than `most`."""

    __slots__ = ("_keys", "_most")

    def __init__(self, most: int) -> None:
        # A plain dict would look for its first key past all those that were deleted.
        self._keys: OrderedDict[K, None] = OrderedDict()
        self._most = most

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, key: K) -> None:
        """One that is there keeps its place."""
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)


class Names(Bounded[str, str]):
    """Names that come again and again, each of them held once; `most` at a time."""

    __slots__ = ()

    def __init__(self, most: int = 1 << 16) -> None:
        super().__init__(most)

    def once(self, name: str) -> str:
        """The object that this name is held as."""
        known = self.get(name)
        if known is None:
            known = self[name] = name
        return known


class RecentlyUsed(Generic[K, V]):
    """What has to be given back, such as open files: where `most` are held, that which was used longest ago is handed
    to `release` before another comes.
    """

    __slots__ = ("_held", "_most", "_release")

    def __init__(self, most: int, release: Callable[[V], None]) -> None:
        self._held: dict[K, V] = {}  # the order is that of the last use
        self._most = most
        self._release = release

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> V | None:
        """What is held under a key, which counts as a use."""
        value = self._held.pop(key, None)
        if value is not None:
            self._held[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        """Hold a value under a key that has none."""
        while len(self._held) >= self._most:
            self.drop(next(iter(self._held)))
        self._held[key] = value

    def drop(self, key: K) -> None:
        """Release what is held under a key, if anything is."""
        value = self._held.pop(key, None)
        if value is not None:
            self._release(value)

    def clear(self) -> None:
        """Release everything."""
        while self._held:
            self._release(self._held.popitem()[1])
