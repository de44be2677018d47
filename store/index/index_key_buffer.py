"""Keys that wait to be put into the index in one block.

What lives here: the columns of what waits, and their hashes. What does not: when a block is put, and where to
(`index_service.py`), numpy's part (`index_block.py`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column = NDArray[np.int64]

#: Keys put at once under load.
BLOCK_KEYS = 1024


class IndexKeyBuffer:
    """Keys as `topic#key`, each with the commitlog offset and the store timestamp (ms) of its message."""

    __slots__ = ("_runs", "keys", "offsets", "seen", "timestamps")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.timestamps = array("q")
        #: As many as keys, or more where a key stands for a run of messages.
        self.offsets = array("q")
        #: Position and length of each run.
        self._runs: list[tuple[int, int]] = []
        #: Commitlog offset of the last message that was seen, with keys or without, -1 for none.
        self.seen = -1

    @property
    def is_full(self) -> bool:
        """True when a block has come together."""
        return len(self.offsets) >= BLOCK_KEYS

    def add(self, keys: list[str], offset: int, timestamp: int) -> None:
        """Add the keys of one message."""
        self.keys += keys
        for _ in keys:
            self.offsets.append(offset)
            self.timestamps.append(timestamp)
        self.seen = offset

    def add_run(self, key: str, offsets: list[int], timestamp: int) -> None:
        """Add a key that several messages have; they have no other."""
        self._runs.append((len(self.keys), len(offsets)))
        self.keys.append(key)
        self.timestamps.append(timestamp)
        self.offsets.extend(offsets)
        self.seen = offsets[-1]

    def take(self) -> tuple[Column, Column, Column]:
        """Hashes, offsets and timestamps of all keys, at least one, which then wait no more."""
        from rocketmq_ops.store.index.index_block import key_hashes  # before numpy, for which it sets the environment

        import numpy as np  # isort: skip

        hashes, timestamps = key_hashes(self.keys), np.frombuffer(self.timestamps, np.int64)
        offsets = np.frombuffer(self.offsets, np.int64)
        if self._runs:
            times = np.ones(len(self.keys), np.int64)
            runs = np.array(self._runs)
            times[runs[:, 0]] = runs[:, 1]
            hashes, timestamps = np.repeat(hashes, times), np.repeat(timestamps, times)
        self.keys, self._runs, self.offsets, self.timestamps = [], [], array("q"), array("q")
        return hashes, offsets, timestamps
