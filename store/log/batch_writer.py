"""Writing batches: the messages of one request (320) become records of their own, all or none, in one go.

What lives here: packing all records of a batch, which then go into the file at once, and what consumers and the index
see of them (mirrors CommitLog.asyncPutMessages, MessageExtEncoder.encode of a MessageExtBatch).
What does not: taking the batch body apart (`batch_items.py`), single messages (`store_writer.py`).
"""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Sequence

from rocketmq_ops.common.message import string_to_properties
from rocketmq_ops.common.message_codec import BadRecordError
from rocketmq_ops.common.record_layout import BODY_LENGTH, MESSAGE_ID, PROPERTIES_LENGTH, SIZE_AND_MAGIC
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, TRANSACTION_MASK
from rocketmq_ops.common.topics import is_topic_too_long
from rocketmq_ops.store.dispatch import deliver_time, is_storable
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult, PutStatus
from rocketmq_ops.store.layout.record import FIXED_SIZE, PLACE, batch_record
from rocketmq_ops.store.log.batch_items import MOST_ALIKE, TAGS_OR_KEYS_MARK, BatchItems, read_items
from rocketmq_ops.store.log.row_structs import RowStructs
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.store_writer import StoreWriter

#: In a batch there are no transactions, and no inner batches: those belong into batch consumequeues.
_NOT_IN_BATCH = TRANSACTION_MASK | INNER_BATCH_FLAG
_TAGS, _KEYS, _UNIQUE_KEY = b"TAGS\x01", b"KEYS\x01", b"UNIQ_KEY\x01"
_ID_LAYOUT = MESSAGE_ID.codes
_crc32 = zlib.crc32


class BatchWriter(StoreWriter):
    """The part of a `MessageStore` that takes batches."""

    _structs = RowStructs(MOST_ALIKE)

    def put_messages(self, batch: InnerMessage) -> PutMessageResult:
        """Append the messages of a batch (request 320) one after the other, all or none (asyncPutMessages)."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        if (
            not batch.body
            or len(batch.body) > self.config.maxMessageSize
            or batch.sys_flag & _NOT_IN_BATCH
            or not is_storable(batch.topic, batch.queue_id)
            or is_topic_too_long(batch.topic)
        ):
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        queue = self.queue_for(batch.topic, batch.queue_id)
        timestamp = self.clock()
        try:
            middle = self.commit_log.batch_middle(batch, timestamp)
            items = read_items(bytes(batch.body), batch.properties_bytes)
            lengths = _property_lengths(items)
            if max(lengths) > self._max_properties:
                return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)
            queue.make_room(len(lengths))
            if middle is None:
                offsets, sizes = self._append_one_by_one(queue, batch, items, timestamp)
            else:
                offsets, sizes = self._append_all(queue, items, lengths, middle, timestamp)
        except BadRecordError:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        except (OSError, struct.error) as error:
            return self._append_failed(batch, error)
        return self._dispatch_items(queue, batch, items, offsets, sizes, timestamp)

    def _append_all(
        self, queue: ConsumeQueue, items: BatchItems, lengths: list[int], middle: bytes, timestamp: int
    ) -> tuple[list[int], list[int]]:
        """Write the records into one file: their offsets and sizes.

        Raises OSError, struct.error; then nothing was written."""
        commit_log = self.commit_log
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
        row_struct = self._structs.get(batch_record(length, len(topic_field), len(own), len(tail)), count)
        if row_struct is None:
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
        return row_struct.pack(*fields)

    def _append_one_by_one(
        self, queue: ConsumeQueue, batch: InnerMessage, items: BatchItems, timestamp: int
    ) -> tuple[list[int], list[int]]:
        """Append records that `_append_all` cannot make: their offsets and sizes. Raises OSError, struct.error."""
        commit_log = self.commit_log
        properties = [own + tail for own, tail in zip(items.own, items.tails, strict=True)]
        fixed = commit_log.size_of(queue, commit_log.sys_flag_of(batch), 0, self._crc_room)
        # All records of a batch go into one file.
        commit_log.make_room(sum([fixed + len(a) + len(b) for a, b in zip(items.contents, properties, strict=True)]))
        offsets, sizes = [], []
        number = queue.next_offset
        for content, encoded, flag in zip(items.contents, properties, items.flags, strict=True):
            offsets.append(commit_log.append(queue, batch, content, encoded, flag, number, timestamp))
            sizes.append(commit_log.last_size)
            number += 1
        return offsets, sizes

    def _dispatch_items(
        self,
        queue: ConsumeQueue,
        batch: InnerMessage,
        items: BatchItems,
        offsets: list[int],
        sizes: list[int],
        timestamp: int,
    ) -> PutMessageResult:
        """Let queue and index follow the records."""
        count, first_offset = len(offsets), queue.next_offset
        codes = [0] * count
        key = None if queue.is_delay else _key_of_all(batch.properties_bytes)
        if key is None or items.marked:
            codes = self._dispatch_each(queue, items, offsets, key, timestamp)
        elif self._indexing:
            self._index_all(queue.topic, key, offsets, timestamp)
        units = [0] * (3 * count)
        units[::3], units[1::3], units[2::3] = offsets, sizes, codes
        queue.put_units(units)
        self.last_dispatched_timestamp = timestamp
        end = offsets[-1] + sizes[-1]
        if self._sync or self._is_awaited(queue.topic):
            numbers = range(first_offset + 1, queue.next_offset + 1)
            for number, offset, size, code in zip(numbers, offsets, sizes, codes, strict=True):
                self._see_when_synced(queue, number, offset + size, code, timestamp, {})
            if not self._sync:
                self._see_up_to(end)
        else:
            queue.max_offset = queue.next_offset
        self.stats.put_messages += count
        self.stats.put_bytes += end - offsets[0]
        ids = self._message_ids(offsets)
        return PutMessageResult(PutStatus.PUT_OK, offsets[0], end - offsets[0], first_offset, timestamp, ids, count)

    def _index_all(self, topic: str, key: str, offsets: list[int], timestamp: int) -> None:
        """Index messages that all have the same key, and no other."""
        if self._pending is not None:
            self._pending.defer_key_of_all(f"{topic}#{key}", offsets, timestamp)
            return
        for offset in offsets:
            self._put_keys(topic, key, None, offset, timestamp, 0)

    def _dispatch_each(
        self, queue: ConsumeQueue, items: BatchItems, offsets: list[int], key: str | None, timestamp: int
    ) -> list[int]:
        """Index messages whose keys differ; the last field of the unit of each."""
        codes = []
        for own, tail, offset in zip(items.own, items.tails, offsets, strict=True):
            if key is None or not _is_simple(own):
                properties = string_to_properties((own + tail).decode("utf-8", "replace"))
                tags, keys, unique = properties.get("TAGS"), properties.get("KEYS"), properties.get("UNIQ_KEY")
            else:
                properties = {}
                tags, keys, unique = _value(own, _TAGS), _value(own, _KEYS), key
            code = self._tag_codes.get(tags) or self.hash_of(tags) if tags else 0
            if queue.is_delay:
                code = deliver_time(properties, self.delay_levels, timestamp) or code
            codes.append(code)
            if self._indexing:
                self._put_keys(queue.topic, unique, keys, offset, timestamp, 0)
        return codes

    def _message_ids(self, offsets: list[int]) -> str:
        """The message ids of records of this broker, joined with commas."""
        host, count = self.commit_log.store_host, len(offsets)
        row_struct = self._structs.get(_ID_LAYOUT, count) if len(host) == 8 else None
        if row_struct is None:
            return ",".join([f"{self.id_prefix}{offset:016X}" for offset in offsets])
        fields: list[bytes | int] = [host, 0] * count
        fields[1::2] = offsets
        return binascii.b2a_hex(row_struct.pack(*fields), ",", 16).decode().upper()


def _property_lengths(items: BatchItems) -> list[int]:
    """Bytes of the properties of each item's record."""
    if items.alike:
        return [len(items.own[0]) + len(items.tails[0])] * len(items.own)
    return [len(own) + len(tail) for own, tail in zip(items.own, items.tails, strict=True)]


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


def _is_simple(own: bytes) -> bool:
    """Whether TAGS and KEYS stand in properties at most once, and nothing that could be taken for them."""
    padded = b"\x02" + own
    return padded.count(b"\x02TAGS\x01") == own.count(_TAGS) <= 1 and (
        padded.count(b"\x02KEYS\x01") == own.count(_KEYS) <= 1
    )


def _value(own: bytes, name: bytes) -> str | None:
    """The value of a property in simple properties, None without it."""
    at = own.find(name)
    if at < 0:
        return None
    return own[at + len(name) :].partition(b"\x02")[0].decode("utf-8", "replace")


def _key_of_all(extra: bytes) -> str | None:
    """The unique key that the properties of a batch give all its messages; None when these must be looked at.

    Properties of the batch stand behind those of the item and so prevail."""
    at = extra.find(_UNIQUE_KEY)
    if TAGS_OR_KEYS_MARK in extra or at < 0 or extra.find(_UNIQUE_KEY, at + 1) >= 0 or (at and extra[at - 1] != 2):
        return None
    return extra[at + len(_UNIQUE_KEY) :].partition(b"\x02")[0].decode("utf-8", "replace") or None
