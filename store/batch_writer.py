"""Writing batches: the messages of one request (320) become records of their own, all or none, in one go.

What lives here: cutting a batch body into items and packing all its records, which then go into the mapping at once
(mirrors CommitLog.asyncPutMessages, MessageExtEncoder.encode of a MessageExtBatch and MessageDecoder.decodeBatch).
What does not: single messages and what consumers see (`store_writer.py`).
"""

from __future__ import annotations

import struct
import zlib

from ..common.message import string_to_properties
from ..common.message_codec import BadRecordError, iter_batch
from ..common.record_layout import HEAD_V4
from ..common.sysflag import INNER_BATCH_FLAG, TRANSACTION_MASK
from .consume_queue import ConsumeQueue
from .dispatcher import deliver_time, is_storable
from .inner_message import InnerMessage, PutMessageResult, PutStatus
from .store_writer import StoreWriter

#: In a batch there are no transactions, and no inner batches: those belong into batch consumequeues.
_NOT_IN_BATCH = TRANSACTION_MASK | INNER_BATCH_FLAG
_ITEM_HEAD = struct.Struct(">iiiii")  # size, magic and CRC (unused), flag, body length
_ITEM_HEAD_SIZE = _ITEM_HEAD.size
_LEAST_ITEM = _ITEM_HEAD_SIZE + 2
#: Size, magic, CRC, queue id, flag, queue offset, offset in the commitlog.
_RECORD_HEAD = struct.Struct(">iiIiiqq")
_RECORD_FIXED = HEAD_V4.size + 2  # a record without topic field, body and properties
_INT = struct.Struct(">i")
#: Ends the names of TAGS and KEYS, the properties of an item that dispatch looks at.
_MARK = b"S\x01"
_TAGS, _KEYS, _UNIQUE_KEY = b"TAGS\x01", b"KEYS\x01", b"UNIQ_KEY\x01"
_crc32 = zlib.crc32


class _Packed:
    """The records of a batch before they are written, and what dispatch needs of them."""

    __slots__ = ("marked", "own", "parts", "units")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        #: Properties of each item without those of the batch.
        self.own: list[bytes] = []
        #: Offset, size and 0 of each record: its unit.
        self.units: list[int] = []
        #: Some item may have tags or keys.
        self.marked = False


class BatchWriter(StoreWriter):
    """The part of a `MessageStore` that takes batches."""

    def put_messages(self, batch: InnerMessage) -> PutMessageResult:
        """Append the messages of a batch (request 320) one after the other, all or none (asyncPutMessages)."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        if (
            not batch.body
            or len(batch.body) > self.config.maxMessageSize
            or batch.sys_flag & _NOT_IN_BATCH
            or not is_storable(batch.topic, batch.queue_id)
        ):
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        queue = self.queue_for(batch.topic, batch.queue_id)
        timestamp = self.clock()
        body = bytes(batch.body)
        try:
            middle = self.commit_log.batch_middle(batch, timestamp)
            packed = self._pack(queue, batch, body, middle or b"")
            if packed is None:
                return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)
            queue.make_room(len(packed.own))
            if middle is None:
                self._append_one_by_one(queue, batch, packed, timestamp)
            else:
                self._append_all(queue, batch, body, middle, packed, timestamp)
        except BadRecordError:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        except (OSError, struct.error) as error:
            return self._append_failed(batch, error)
        return self._dispatch_items(queue, batch, packed, timestamp)

    def _pack(self, queue: ConsumeQueue, batch: InnerMessage, body: bytes, middle: bytes) -> _Packed | None:
        """The records of a batch for the end of the commitlog; None when properties are too long.

        The properties of the batch are appended to those of each message. Raises BadRecordError, struct.error."""
        packed = _Packed()
        parts, own, units = packed.parts, packed.own, packed.units
        unpack, pack = _ITEM_HEAD.unpack_from, _RECORD_HEAD.pack
        extra = batch.properties_bytes
        separated = b"\x02" + extra
        magic, queue_id, topic_field = queue.magic, queue.queue_id, queue.topic_field
        number, offset = queue.next_offset, self.commit_log.max_offset
        last_size = last_length = record_size = 0
        last_tail = before_body = before_properties = b""
        position, limit = 0, len(body)
        while position < limit:
            if position + _LEAST_ITEM > limit:
                raise _batch_error(body)
            size, _, _, flag, length = unpack(body, position)
            length_at = position + _ITEM_HEAD_SIZE + length
            end = position + size
            if (
                length < 0
                or end > limit
                or length_at + 2 > end
                or (body[length_at] << 8 | body[length_at + 1]) != end - length_at - 2
            ):
                raise _batch_error(body)
            properties = body[length_at + 2 : end]
            tail = extra if not extra or not properties or body[end - 1] == 2 else separated
            if size != last_size or length != last_length or tail is not last_tail:
                last_size, last_length, last_tail = size, length, tail
                properties_length = len(properties) + len(tail)
                if properties_length > self._max_properties:
                    return None
                before_body = middle + _INT.pack(length)
                before_properties = topic_field + properties_length.to_bytes(2, "big")
                record_size = _RECORD_FIXED + len(topic_field) + length + properties_length
            content = body[position + _ITEM_HEAD_SIZE : length_at]
            head = pack(record_size, magic, _crc32(content) & 0x7FFFFFFF, queue_id, flag, number, offset)
            parts += (head, before_body, content, before_properties, properties, tail)
            own.append(properties)
            units += (offset, record_size, 0)
            if _MARK in properties:
                packed.marked = True
            offset += record_size
            number += 1
            position = end
        return packed

    def _append_all(
        self, queue: ConsumeQueue, batch: InnerMessage, body: bytes, middle: bytes, packed: _Packed, timestamp: int
    ) -> None:
        """Write the records, all into one file. Raises OSError, struct.error; then nothing was written."""
        commit_log = self.commit_log
        records = b"".join(packed.parts)
        if not commit_log.has_room(len(records)):
            commit_log.make_room(len(records), mapped=False)
            if commit_log.max_offset != packed.units[0]:  # another file has been begun
                again = self._pack(queue, batch, body, middle)
                assert again is not None
                packed.units[:] = again.units
                records = b"".join(again.parts)
        commit_log.append_records(records, packed.units[-2], timestamp)

    def _append_one_by_one(self, queue: ConsumeQueue, batch: InnerMessage, packed: _Packed, timestamp: int) -> None:
        """Append records that `_pack` cannot make. Raises OSError, struct.error."""
        commit_log, parts = self.commit_log, packed.parts
        bodies, properties = parts[2::6], [a + b for a, b in zip(parts[4::6], parts[5::6], strict=True)]
        fixed = commit_log.size_of(queue, commit_log.sys_flag_of(batch), 0, self._crc_room)
        # All records of a batch go into one file.
        commit_log.make_room(sum([fixed + len(a) + len(b) for a, b in zip(bodies, properties, strict=True)]))
        units: list[int] = []
        for at, (content, encoded) in enumerate(zip(bodies, properties, strict=True)):
            (flag,) = _INT.unpack_from(parts[6 * at], 16)
            offset = commit_log.append(queue, batch, content, encoded, flag, queue.next_offset + at, timestamp)
            units += (offset, commit_log.last_size, 0)
        packed.units[:] = units

    def _dispatch_items(
        self, queue: ConsumeQueue, batch: InnerMessage, packed: _Packed, timestamp: int
    ) -> PutMessageResult:
        """Let queue and index follow the records."""
        units = packed.units
        offsets, sizes = units[::3], units[1::3]
        count = len(offsets)
        first_offset = queue.next_offset
        key = None if queue.is_delay else _key_of_all(batch.properties_bytes)
        if key is None or packed.marked:
            units[2::3] = self._dispatch_each(queue, packed, key, timestamp)
        elif self._indexing:
            self._index_all(queue.topic, key, offsets, timestamp)
        queue.put_units(units)
        self.last_dispatched_timestamp = timestamp
        end = offsets[-1] + sizes[-1]
        if self._sync or self._is_awaited(queue.topic):
            numbers = range(first_offset + 1, queue.next_offset + 1)
            for number, offset, size, code in zip(numbers, offsets, sizes, units[2::3], strict=True):
                self._see_when_synced(queue, number, offset + size, code, timestamp, {})
            if not self._sync:
                self._see_up_to(end)
        else:
            queue.max_offset = queue.next_offset
        self.stats.put_messages += count
        self.stats.put_bytes += end - offsets[0]
        ids = _message_ids(self.commit_log.store_host, offsets)
        return PutMessageResult(PutStatus.PUT_OK, offsets[0], end - offsets[0], first_offset, timestamp, ids, count)

    def _index_all(self, topic: str, key: str, offsets: list[int], timestamp: int) -> None:
        """Index messages that all have the same key, and no other."""
        index = self._pending
        if index is None:
            for offset in offsets:
                self._put_keys(topic, key, None, offset, timestamp, 0)
            return
        count = len(offsets)
        index.pending_keys += [f"{topic}#{key}"] * count
        index.pending_offsets += offsets
        index.pending_timestamps += [timestamp] * count
        index.seen = offsets[-1]
        index.settle_if_full()

    def _dispatch_each(self, queue: ConsumeQueue, packed: _Packed, key: str | None, timestamp: int) -> list[int]:
        """Index messages whose keys differ; the last field of the unit of each."""
        codes = []
        for own, tail, offset in zip(packed.own, packed.parts[5::6], packed.units[::3], strict=True):
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
    if _MARK in extra or at < 0 or extra.find(_UNIQUE_KEY, at + 1) >= 0 or (at and extra[at - 1] != 2):
        return None
    return extra[at + len(_UNIQUE_KEY) :].partition(b"\x02")[0].decode("utf-8", "replace")


def _message_ids(host: bytes, offsets: list[int]) -> str:
    """The message ids of records of this broker, joined with commas."""
    if len(host) != 8:
        return ",".join([f"{host.hex().upper()}{offset:016X}" for offset in offsets])
    fields = [offset.to_bytes(8, "big") for offset in offsets]
    return (host + host.join(fields)).hex(",", 16).upper()


def _batch_error(body: bytes) -> BadRecordError:
    """What is wrong with a batch body."""
    try:
        for _ in iter_batch(body):
            pass
    except BadRecordError as error:
        return error
    return BadRecordError(0, "lengths", "a batch item has lengths that do not fit")
