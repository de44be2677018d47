"""Writing batches: the messages of one request (320) become records of their own, all or none, in one go.

What lives here: cutting a batch body into items and packing all its records, which then go into the mapping at once
(mirrors CommitLog.asyncPutMessages, MessageExtEncoder.encode of a MessageExtBatch and MessageDecoder.decodeBatch).
What does not: single messages and what consumers see (`store_writer.py`).
"""

from __future__ import annotations

import struct

from ..common.message import PROPERTIES_MAX_LENGTH, string_to_properties
from ..common.message_codec import BadRecordError, iter_batch
from ..common.sysflag import INNER_BATCH_FLAG, TRANSACTION_MASK
from .commit_log import BatchItem
from .consume_queue import ConsumeQueue
from .dispatcher import deliver_time, is_storable
from .inner_message import InnerMessage, PutMessageResult, PutStatus
from .store_writer import StoreWriter

#: In a batch there are no transactions, and no inner batches: those belong into batch consumequeues.
_NOT_IN_BATCH = TRANSACTION_MASK | INNER_BATCH_FLAG
#: Names and values of properties alternate between these two.
_SEPARATORS = b"\x01\x02" * (PROPERTIES_MAX_LENGTH // 2 + 1)
_NOT_SEPARATORS = bytes(set(range(256)) - {1, 2})
_ITEM_HEAD = struct.Struct(">iiiii")  # size, magic and CRC (unused), flag, body length
_ITEM_HEAD_SIZE = _ITEM_HEAD.size
_LEAST_ITEM = _ITEM_HEAD_SIZE + 2
#: Of TAGS and KEYS, the properties of an item that dispatch looks at.
_MARK = b"S\x01"
_UNIQUE_KEY = b"UNIQ_KEY\x01"



class BatchWriter(StoreWriter):
    """The part of a `MessageStore` that takes batches."""

    def put_messages(self, batch: InnerMessage) -> PutMessageResult:
        """Append the messages of a batch (request 320) one after the other, all or none (asyncPutMessages)."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        if (
            len(batch.body) > self.config.maxMessageSize
            or batch.sys_flag & _NOT_IN_BATCH
            or not is_storable(batch.topic, batch.queue_id)
        ):
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        queue = self.queue_for(batch.topic, batch.queue_id)
        try:
            items = _items_of(bytes(batch.body), batch.properties_bytes)
        except BadRecordError:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        if not items:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        if max([len(properties) for _, _, properties in items]) > self._max_properties:
            return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)
        timestamp = self.clock()
        commit_log = self.commit_log
        try:
            queue.make_room(len(items))
            # All records of a batch go into one file.
            fixed = commit_log.size_of(queue, commit_log.sys_flag_of(batch), 0, self._crc_room)
            commit_log.make_room(sum([fixed + len(body) + len(properties) for _, body, properties in items]))
            places = commit_log.append_batch(queue, batch, items, queue.next_offset, timestamp)
        except (OSError, struct.error) as error:
            return self._append_failed(batch, error)
        return self._dispatch_items(queue, batch, items, places, timestamp)

    def _dispatch_items(
        self,
        queue: ConsumeQueue,
        batch: InnerMessage,
        items: list[BatchItem],
        places: list[tuple[int, int]],
        timestamp: int,
    ) -> PutMessageResult:
        """Let queue and index follow the records at these places (offset and size of each)."""
        first_offset = queue.next_offset
        offsets = [offset for offset, _ in places]
        awaited = self._sync or self._is_awaited(queue.topic)
        plain_key = None if awaited or queue.is_delay else _key_of_all(batch.properties_bytes)
        if plain_key is None or True in [_MARK in properties for _, _, properties in items]:
            parsed = [_parsed(properties) for _, _, properties in items]
            codes = [self._code_of(queue, properties, timestamp) for properties in parsed]
            units = [number for place, code in zip(places, codes, strict=True) for number in (*place, code)]
            if self._indexing:
                for offset, properties in zip(offsets, parsed, strict=True):
                    self._put_keys(
                        queue.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), offset, timestamp, 0
                    )
        else:
            parsed, codes = [], []
            units = [number for offset, size in places for number in (offset, size, 0)]
            self._index_items(queue.topic, plain_key, offsets, timestamp)
        queue.put_units(units)
        self.last_dispatched_timestamp = timestamp
        end = offsets[-1] + places[-1][1]
        if awaited:
            numbers = range(first_offset + 1, queue.next_offset + 1)
            for number, place, code, properties in zip(numbers, places, codes, parsed, strict=True):
                self._see_when_synced(queue, number, sum(place), code, timestamp, properties)
            if not self._sync:
                self._see_up_to(end)
        else:
            queue.max_offset = queue.next_offset
        count = len(items)
        self.stats.put_messages += count
        self.stats.put_bytes += end - offsets[0]
        ids = ",".join([f"{self.id_prefix}%016X"] * count) % tuple(offsets)
        return PutMessageResult(PutStatus.PUT_OK, offsets[0], end - offsets[0], first_offset, timestamp, ids, count)

    def _index_items(self, topic: str, key: str, offsets: list[int], timestamp: int) -> None:
        """Index messages that all have the same key, and no other."""
        index = self._pending
        if index is not None:
            count = len(offsets)
            index.pending_keys += [f"{topic}#{key}"] * count
            index.pending_offsets += offsets
            index.pending_timestamps += [timestamp] * count
            index.seen = offsets[-1]
            index.settle_if_full()
        elif self._indexing:
            for offset in offsets:
                self._put_keys(topic, key, None, offset, timestamp, 0)

    def _code_of(self, queue: ConsumeQueue, properties: dict[str, str], timestamp: int) -> int:
        tags = properties.get("TAGS")
        code = self._tag_codes.get(tags) or self.hash_of(tags) if tags else 0
        return deliver_time(properties, self.delay_levels, timestamp) or code if queue.is_delay else code


def _items_of(body: bytes, extra: bytes) -> list[BatchItem]:
    """The messages of a batch, the properties of the batch appended to those of each. Raises BadRecordError."""
    items: list[BatchItem] = []
    add = items.append
    unpack = _ITEM_HEAD.unpack_from
    separated = b"\x02" + extra
    position, limit = 0, len(body)
    while position < limit:
        if position + _LEAST_ITEM > limit:
            raise _batch_error(body)
        size, _, _, flag, length = unpack(body, position)
        body_at = position + _ITEM_HEAD_SIZE
        length_at = body_at + length
        end = position + size
        if (
            length < 0
            or end > limit
            or length_at + 2 > end
            or (body[length_at] << 8 | body[length_at + 1]) != end - length_at - 2
        ):
            raise _batch_error(body)
        properties = body[length_at + 2 : end]
        if extra:
            properties += extra if not properties or properties[-1] == 2 else separated
        add((flag, body[body_at:length_at], properties))
        position = end
    return items


def _key_of_all(extra: bytes) -> str | None:
    """The unique key that the properties of a batch give all its messages; None when these must be looked at.

    Properties of the batch stand behind those of the item and so prevail."""
    at = extra.find(_UNIQUE_KEY)
    if _MARK in extra or at < 0 or extra.find(_UNIQUE_KEY, at + 1) >= 0 or (at and extra[at - 1] != 2):
        return None
    start = at + len(_UNIQUE_KEY)
    end = extra.find(b"\x02", start)
    try:
        return extra[start : end if end >= 0 else len(extra)].decode()
    except UnicodeDecodeError:
        return None


def _parsed(encoded: bytes) -> dict[str, str]:
    """The dict of encoded properties."""
    separators = encoded.translate(None, _NOT_SEPARATORS)
    if separators == _SEPARATORS[: len(separators)] and not len(separators) & 1:
        try:
            words = iter(encoded.decode().replace("\x02", "\x01").split("\x01"))
            return dict(zip(words, words, strict=False))
        except UnicodeDecodeError:
            pass
    return string_to_properties(encoded.decode("utf-8", "replace"))


def _batch_error(body: bytes) -> BadRecordError:
    """What is wrong with a batch body."""
    try:
        for _ in iter_batch(body):
            pass
    except BadRecordError as error:
        return error
    return BadRecordError(0, "lengths", "a batch item has lengths that do not fit")
