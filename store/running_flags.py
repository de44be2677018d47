"""Why the store refuses reads or writes at the moment: one set of bits, as Apache's RunningFlags, and three of ours.

What does not live here: who sets them (`message_store.py` as it opens and closes, `cleaning.py` for a full disk,
`flush.py` for lost files, the index for failing writes).
"""

from __future__ import annotations

NOT_READABLE = 1
NOT_WRITEABLE = 1 << 1
WRITE_LOGICS_QUEUE_ERROR = 1 << 2
WRITE_INDEX_FILE_ERROR = 1 << 3
DISK_FULL = 1 << 4
FENCED = 1 << 5
LOGIC_DISK_FULL = 1 << 6
#: A slave's store: it gets its records from a master.
REPLICA = 1 << 15
#: Not loaded yet, or stopped.
CLOSED = 1 << 16
#: A file of the commitlog was deleted or replaced: what is written to it is lost with the process.
FILE_LOST = 1 << 17

_NO_WRITE = (
    NOT_WRITEABLE | WRITE_LOGICS_QUEUE_ERROR | WRITE_INDEX_FILE_ERROR | DISK_FULL | FENCED | LOGIC_DISK_FULL | REPLICA
    | CLOSED | FILE_LOST
)  # fmt: skip


class RunningFlags:
    """The bits; an instance belongs to one store, which takes messages while none is set."""

    __slots__ = ("bits",)

    def __init__(self) -> None:
        self.bits = 0

    @property
    def readable(self) -> bool:
        return not self.bits & NOT_READABLE

    @property
    def writeable(self) -> bool:
        return not self.bits & _NO_WRITE

    def set(self, bit: int) -> bool:
        """Set one bit; True when it was not set before."""
        fresh = not self.bits & bit
        self.bits |= bit
        return fresh

    def clear(self, bit: int) -> bool:
        """Clear one bit; True when it was set before."""
        was_set = bool(self.bits & bit)
        self.bits &= ~bit
        return was_set
