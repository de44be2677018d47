"""The messages of one file of a compacted topic's log (`compaction/compactionLog/TOPIC/QUEUE/`).

Records as in the commitlog, one behind the other, then zeros: what ends a full file is not written either
(CompactionLog.CompactionAppendEndMsgCallback). Bytes that are not a record end the reading: nothing leads behind them.
"""

from __future__ import annotations

from collections.abc import Iterator

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_answers import decode_answer
from rocketmq_ops.common.message_codec import BadRecordError
from rocketmq_ops.common.record_layout import SIZE_AND_MAGIC
from rocketmq_ops.store.inspect.reading.store_files import WINDOW, StoreFile


def compacted_messages(file: StoreFile) -> Iterator[tuple[int, MessageExt | BadRecordError]]:
    """(position in bytes, message) one by one; the last may be what is wrong with the record at that position.

    A body that is not what its record says is handed over as stored (`body_error`). Raises RocketMQError when the file
    cannot be read.
    """
    begin, window = 0, file.read(0, WINDOW)
    at = 0
    while True:
        if len(window) - at < SIZE_AND_MAGIC.size or len(window) - at < SIZE_AND_MAGIC.unpack_from(window, at)[0]:
            begin, at = begin + at, 0
            window = file.read(begin, WINDOW)
            size = SIZE_AND_MAGIC.unpack_from(window)[0] if len(window) >= SIZE_AND_MAGIC.size else 0
            if len(window) < size <= file.size - begin:
                window = file.read(begin, size)
        head = window[at : at + SIZE_AND_MAGIC.size]
        if not any(head):
            return
        size = SIZE_AND_MAGIC.unpack(head)[0] if len(head) == SIZE_AND_MAGIC.size else 0
        found, broken = decode_answer(window[at : at + size] if size > 0 else head, unwrap=False)
        if broken is not None or not found:
            yield begin + at, broken or BadRecordError(begin + at, "truncated", f"{len(head)} bytes left")
            return
        yield begin + at, found[0]
        at += size
