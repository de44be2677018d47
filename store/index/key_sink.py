"""Where the appender puts the keys of messages.

What lives here: what they may ask for, and the form that keeps nothing. What does not: the form that puts keys into
the files at once (`index_service.py`) and the one that collects them into blocks (`index_key_buffer.py`).
`IndexService.sink` is the one in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: What `put_keys` is given of a message: topic, unique key, keys, commitlog offset, store timestamp (ms).
MessageKeys = tuple[str, str | None, str | None, int, int]


class KeySink(Protocol):
    """Takes keys by rising commitlog offset. Nothing raises: what the disk has no room for waits in the index."""

    def put_keys(
        self, topic: str, unique_key: str | None, keys: str | None, phy_offset: int, store_timestamp: int,
        sys_flag: int = 0,
    ) -> None:  # fmt: skip
        """Index a message under its unique key (UNIQ_KEY) and its keys (KEYS, separated by spaces), if any.

        Of a rolled back message (`sys_flag`) nothing is indexed. The timestamp is in ms."""

    def put_shared_key(self, topic: str, key: str, phy_offsets: Sequence[int], store_timestamp: int) -> None:
        """Index messages, one at least, that all have this unique key, and no other key."""

    def put_run(self, messages: Sequence[MessageKeys]) -> None:
        """`put_keys` of several messages, one at least."""


class NoKeys:
    """The sink of a store without an index (messageIndexEnable=false)."""

    __slots__ = ()

    def put_keys(
        self, topic: str, unique_key: str | None, keys: str | None, phy_offset: int, store_timestamp: int,
        sys_flag: int = 0,
    ) -> None:  # fmt: skip
        return

    def put_shared_key(self, topic: str, key: str, phy_offsets: Sequence[int], store_timestamp: int) -> None:
        return

    def put_run(self, messages: Sequence[MessageKeys]) -> None:
        return
