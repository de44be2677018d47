"""Results of reading from the store.

What lives here: `GetStatus`, `GetMessageResult`, `QueryMessageResult`. What does not: the reading
(`message_store.py`).
"""

from __future__ import annotations

from collections.abc import Generator
from enum import IntEnum
from typing import TypeVar

import msgspec

from rocketmq_ops.common.steps import Steps

R = TypeVar("R")


class GetStatus(IntEnum):
    """Outcome of `MessageStore.get_message`: Apache's GetMessageStatus in its order."""

    FOUND = 0
    NO_MATCHED_MESSAGE = 1
    MESSAGE_WAS_REMOVING = 2
    OFFSET_FOUND_NULL = 3
    OFFSET_OVERFLOW_BADLY = 4
    OFFSET_OVERFLOW_ONE = 5
    OFFSET_TOO_SMALL = 6
    NO_MATCHED_LOGIC_QUEUE = 7
    NO_MESSAGE_IN_QUEUE = 8
    OFFSET_RESET = 9


class GetMessageResult(msgspec.Struct):
    """Messages found, as views of the mapped files, and where to read on. Offsets in units of the queue."""

    status: GetStatus
    next_begin_offset: int = 0
    min_offset: int = 0
    max_offset: int = 0
    #: Whole records in queue order, fit to be sent one after the other. Records that lie side by side in a file
    #: share a view, so there may be fewer views than messages.
    views: list[memoryview] = msgspec.field(default_factory=list)
    #: Bytes in all views.
    total_size: int = 0
    #: Messages in all views.
    count: int = 0
    #: True when the reader is so far behind that its messages are hardly in memory.
    suggest_pulling_from_slave: bool = False
    #: Messages whose record was read and refused by the filter.
    filtered_count: int = 0


class QueryMessageResult(msgspec.Struct):
    """Records found through the index, oldest first."""

    views: list[memoryview] = msgspec.field(default_factory=list)
    #: ms of the last message in the index.
    index_last_update_timestamp: int = 0
    #: Offset in the commitlog of the last message in the index.
    index_last_update_phyoffset: int = 0
    #: Bytes in all views.
    total_size: int = 0


def finished(steps: Generator[None, None, R]) -> R:
    """What a generator of steps returns when all are done at once."""
    all_steps = Steps(steps)
    for _ in all_steps:
        pass
    return all_steps.result
