"""The records of a batch: the messages of one request (320) become records of their own, written in one go.

What lives here: packing the records, which all go into one file, and writing them (mirrors MessageExtEncoder.encode of
a MessageExtBatch). What does not: taking the batch body apart (`batch_items.py`), what consumers and the index see of
the messages (`appender.py`).
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Sequence

from rocketmq_ops.common.record_layout import BODY_LENGTH, MESSAGE_ID, PROPERTIES_LENGTH, SIZE_AND_MAGIC
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.layout.record import FIXED_SIZE, PLACE, batch_record
from rocketmq_ops.store.layout.repeated_structs import RepeatedStructs
from rocketmq_ops.store.log.batch_items import MOST_ALIKE, BatchItems
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

_ID_LAYOUT = MESSAGE_ID.codes
_crc32 = zlib.crc32


class BatchRecords:
    """Writes the records of batches to one commitlog."""

    _structs = RepeatedStructs(MOST_ALIKE)

    def __init__(self, commit_log: CommitLog) -> None:
        self._commit_log = commit_log

    def append(
        self, queue: ConsumeQueue, batch: InnerMessage, items: BatchItems, lengths: list[int], timestamp: int
    ) -> tuple[list[int], list[int]]:
        """Write a record for each item, all or none, and make room for their units: commitlog offsets and sizes.

        `lengths` are those of the items' properties. Raises OSError, struct.error; then nothing was written."""
        middle = self._commit_log.batch_middle(batch, timestamp)
        queue.make_room(len(lengths))
        if middle is None:
            return self._append_one_by_one(queue, batch, items, timestamp)
        return self._append_all(queue, items, lengths, middle, timestamp)

    def _append_all(
        self, queue: ConsumeQueue, items: BatchItems, lengths: list[int], middle: bytes, timestamp: int
    ) -> tuple[list[int], list[int]]:
        """Write the records into one file: their offsets and sizes.

        Raises OSError, struct.error; then nothing was written."""
        commit_log = self._commit_log
        fixed = FIXED_SIZE + len(queue.topic_field)
        if items.alike:
            sizes = [fixed + len(items.contents[0]) + lengths[0]] * len(lengths)
        else:
            sizes = [fixed + len(content) + length for content, length in zip(items.contents, lengths, strict=True)]
        total = sum(sizes)
        if not commit_log.has_room(total):
            commit_log.make_room(total, mapped=False)
        offset = commit_log.max_offset
        records: bytes | None = None
        if items.alike:
            offsets = list(range(offset, offset + total, sizes[0]))
            records = self._pack_alike(queue, items, lengths[0], middle, offsets)
        else:
            offsets = []
            for size in sizes:
                offsets.append(offset)
                offset += size
        if records is None:
            records = _pack_each(queue, items, lengths, middle, offsets, sizes)
        commit_log.append_records(records, sizes[-1], timestamp)
        return offsets, sizes

    def _pack_alike(
        self, queue: ConsumeQueue, items: BatchItems, properties_length: int, middle: bytes, offsets: list[int]
    ) -> bytes | None:
        """The records of items that are alike, by one struct for all; None while there is none.

        Raises struct.error."""
        contents, own, tail = items.contents, items.own[0], items.tails[0]
        topic_field, length, count = queue.topic_field, len(contents[0]), len(contents)
        alike_struct = self._structs.get(batch_record(length, len(topic_field), len(own), len(tail)), count)
        if alike_struct is None:
            return None
        size = FIXED_SIZE + len(topic_field) + length + properties_length
        before_properties = topic_field + properties_length.to_bytes(PROPERTIES_LENGTH.size, "big")
        row: list[bytes | int] = [
            SIZE_AND_MAGIC.pack(size, queue.magic), 0, queue.queue_id, 0, 0, 0, middle + BODY_LENGTH.pack(length), b"",
            before_properties, b"", tail,
        ]  # fmt: skip
        fields = row * count
        fields[1::11] = [crc & 0x7FFFFFFF for crc in map(_crc32, contents)]
        fields[3::11] = items.flags
        fields[4::11] = range(queue.next_offset, queue.next_offset + count)
        fields[5::11] = offsets
        fields[7::11] = contents
        fields[9::11] = items.own
        return alike_struct.pack(*fields)

    def _append_one_by_one(
        self, queue: ConsumeQueue, batch: InnerMessage, items: BatchItems, timestamp: int
    ) -> tuple[list[int], list[int]]:
        """Append records that `_append_all` cannot make: their offsets and sizes. Raises OSError, struct.error."""
        commit_log = self._commit_log
        properties = [own + tail for own, tail in zip(items.own, items.tails, strict=True)]
        fixed = commit_log.size_of(queue, commit_log.sys_flag_of(batch), 0, commit_log.crc_room)
        # All records of a batch go into one file.
        commit_log.make_room(sum([fixed + len(a) + len(b) for a, b in zip(items.contents, properties, strict=True)]))
        offsets, sizes = [], []
        number = queue.next_offset
        for content, encoded, flag in zip(items.contents, properties, items.flags, strict=True):
            offsets.append(commit_log.append(queue, batch, content, encoded, flag, number, timestamp))
            sizes.append(commit_log.last_size)
            number += 1
        return offsets, sizes

    def message_ids(self, offsets: list[int]) -> str:
        """The message ids of records of this broker, joined with commas."""
        host, count = self._commit_log.store_host, len(offsets)
        alike_struct = self._structs.get(_ID_LAYOUT, count) if len(host) == 8 else None
        if alike_struct is None:
            return ",".join([f"{self._commit_log.id_prefix}{offset:016X}" for offset in offsets])
        fields: list[bytes | int] = [host, 0] * count
        fields[1::2] = offsets
        return binascii.b2a_hex(alike_struct.pack(*fields), ",", 16).decode().upper()


def _pack_each(
    queue: ConsumeQueue,
    items: BatchItems,
    lengths: Sequence[int],
    middle: bytes,
    offsets: Sequence[int],
    sizes: Sequence[int],
) -> bytes:
    """The records of items of any kind. Raises struct.error."""
    pack, magic, queue_id, topic_field = PLACE.pack, queue.magic, queue.queue_id, queue.topic_field
    parts: list[bytes] = []
    number = queue.next_offset
    columns = zip(items.contents, items.flags, items.own, items.tails, lengths, offsets, sizes, strict=True)
    for content, flag, own, tail, length, offset, size in columns:
        head = pack(size, magic, _crc32(content) & 0x7FFFFFFF, queue_id, flag, number, offset)
        parts += (
            head, middle, BODY_LENGTH.pack(len(content)), content, topic_field,
            length.to_bytes(PROPERTIES_LENGTH.size, "big"), own, tail,
        )  # fmt: skip
        number += 1
    return b"".join(parts)
