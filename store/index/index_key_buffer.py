"""Keys that wait to be put into the index in one block: the sink of a store under load.

What lives here: the columns of what waits, and their hashes. What does not: putting a block (`index_service.py`), and
numpy's part (`index_block.py`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.common.sysflag import TRANSACTION_MASK, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.store.index.key_sink import MessageKeys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column = NDArray[np.int64]

#: Keys put at once under load.
BLOCK_KEYS = 1024


class IndexKeyBuffer:
    """Keys as `topic#key`, each with the commitlog offset and the store timestamp (ms) of its message.

    What waits is in none of the index files, nor in what the checkpoint says of them: recovery puts it once more."""

    __slots__ = ("_keys", "_offsets", "_on_full", "_runs", "_timestamps", "seen")

    def __init__(self, on_full: Callable[[], None]) -> None:
        """`on_full` is called when a block has come together; it should `take` it."""
        self._on_full = on_full
        self._keys: list[str] = []
        self._timestamps = array("q")
        #: As many as keys, or more where a key stands for a run of messages.
        self._offsets = array("q")
        #: Position and length of each run.
        self._runs: list[tuple[int, int]] = []
        #: Commitlog offset of the last message that was seen, with keys or without, -1 for none.
        self.seen = -1

    @property
    def is_empty(self) -> bool:
        """True when no key waits."""
        return not self._keys

    def put_keys(
        self, topic: str, unique_key: str | None, keys: str | None, phy_offset: int, store_timestamp: int,
        sys_flag: int = 0,
    ) -> None:  # fmt: skip
        """See `KeySink.put_keys`."""
        self.seen = phy_offset
        if sys_flag and sys_flag & TRANSACTION_MASK == TRANSACTION_ROLLBACK_TYPE:
            return
        if unique_key is not None:
            self._keys.append(f"{topic}#{unique_key}")
            self._offsets.append(phy_offset)
            self._timestamps.append(store_timestamp)
        if keys:
            for key in keys.split(" "):
                if key:
                    self._keys.append(f"{topic}#{key}")
                    self._offsets.append(phy_offset)
                    self._timestamps.append(store_timestamp)
        if len(self._offsets) >= BLOCK_KEYS:
            self._on_full()

    def put_run(self, messages: Sequence[MessageKeys]) -> None:
        """See `KeySink.put_run`."""
        put_key, put_offset, put_timestamp = self._keys.append, self._offsets.append, self._timestamps.append
        for topic, unique_key, keys, phy_offset, store_timestamp in messages:
            if unique_key is not None:
                put_key(f"{topic}#{unique_key}")
                put_offset(phy_offset)
                put_timestamp(store_timestamp)
            if keys:
                for key in keys.split(" "):
                    if key:
                        put_key(f"{topic}#{key}")
                        put_offset(phy_offset)
                        put_timestamp(store_timestamp)
        self.seen = messages[-1][3]
        if len(self._offsets) >= BLOCK_KEYS:
            self._on_full()

    def put_shared_key(self, topic: str, key: str, phy_offsets: Sequence[int], store_timestamp: int) -> None:
        """See `KeySink.put_shared_key`."""
        self._runs.append((len(self._keys), len(phy_offsets)))
        self._keys.append(f"{topic}#{key}")
        self._timestamps.append(store_timestamp)
        self._offsets.extend(phy_offsets)
        self.seen = phy_offsets[-1]
        if len(self._offsets) >= BLOCK_KEYS:
            self._on_full()

    def take(self) -> tuple[Column, Column, Column]:
        """Hashes, offsets and timestamps of all keys, at least one, which then wait no more."""
        from rocketmq_ops.store.index.index_block import key_hashes  # before numpy, for which it sets the environment

        import numpy as np  # isort: skip

        hashes, timestamps = key_hashes(self._keys), np.frombuffer(self._timestamps, np.int64)
        offsets = np.frombuffer(self._offsets, np.int64)
        if self._runs:
            times = np.ones(len(self._keys), np.int64)
            runs = np.array(self._runs)
            times[runs[:, 0]] = runs[:, 1]
            hashes, timestamps = np.repeat(hashes, times), np.repeat(timestamps, times)
        self._keys, self._runs, self._offsets, self._timestamps = [], [], array("q"), array("q")
        return hashes, offsets, timestamps
