"""What dispatch derives from a record, for a whole block at once: topic, tag hash or deliver time, transaction type,
index keys.

Mirrors CommitLog.checkMessageAndReturnSize, MessageExtBrokerInner.tagsString2tagsCode and IndexService.buildIndex,
which since 5.4 also puts `topic#T#tags` for a message with tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.delay_levels import parse_delay_levels
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.sysflag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_MASK,
    TRANSACTION_NOT_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.inspect.reading.property_bytes import finder
from rocketmq_ops.store.inspect.reading.scan import Block, Column

_SCHEDULE = SCHEDULE_TOPIC.encode()
_TAG_KIND: Final = b"T#"
# The properties that dispatch looks at; a later one of the same name wins, as in a Java map.
_WANTED = finder(b"TAGS", b"KEYS", b"UNIQ_KEY", b"DELAY")


@dataclass(slots=True)
class DispatchColumns:
    """What a block's records lead to. `topics` names the topics of `topic_ids`. `queued` marks the records that get a
    consumequeue unit, whose third field is `tags_code`. `tags`, `keys` and `unique_keys` are None for records without
    them."""

    topics: list[bytes]
    topic_ids: Column
    queued: Column
    indexed: Column
    tags_code: Column
    tags: list[bytes | None]
    keys: list[bytes | None]
    unique_keys: list[bytes | None]
    properties: list[bytes]

    def topic(self, index: int) -> str:
        """The topic of one record."""
        return self.topics[int(self.topic_ids[index])].decode("utf-8", "replace")


class DispatchDeriver:
    """Derives dispatch columns; remembers topics and tag hashes from block to block."""

    def __init__(self, delay_levels: list[int] | None = None) -> None:
        self.topics: list[bytes] = []
        self._topic_ids: dict[bytes, int] = {}
        self._tag_hashes: Bounded[bytes, int] = Bounded(100_000)
        self._delays = delay_levels or parse_delay_levels()

    def derive(self, block: Block) -> DispatchColumns:
        """The dispatch columns of a block."""
        topic_ids = self._topics_of(block)
        tags: list[bytes | None] = [None] * block.count
        keys: list[bytes | None] = [None] * block.count
        unique: list[bytes | None] = [None] * block.count
        tags_code = np.zeros(block.count, np.int64)
        schedule = self._topic_ids.get(_SCHEDULE, -1)
        hash_of = self._tag_hash
        find = _WANTED.findall
        all_properties = block.slices(block.properties_at, block.properties_length)
        for i, properties in enumerate(all_properties):
            delay = b""
            for name, value in find(properties):
                if name == b"TAGS":
                    tags[i] = value
                elif name == b"KEYS":
                    keys[i] = value
                elif name == b"UNIQ_KEY":
                    unique[i] = value
                else:
                    delay = value
            tag = tags[i]
            if tag:
                tags_code[i] = hash_of(tag)
            if delay and topic_ids[i] == schedule:
                tags_code[i] = self._deliver_time(delay, int(block.head["store_timestamp"][i]), int(tags_code[i]))
        kind = block.head["sys_flag"] & TRANSACTION_MASK
        queued = (kind == TRANSACTION_NOT_TYPE) | (kind == TRANSACTION_COMMIT_TYPE)
        return DispatchColumns(
            self.topics, topic_ids, queued, kind != TRANSACTION_ROLLBACK_TYPE, tags_code, tags, keys, unique,
            all_properties,
        )  # fmt: skip

    def _topics_of(self, block: Block) -> Column:
        ids = self._topic_ids
        names = block.slices(block.topic_at, block.topic_length)
        for name in set(names):
            if name not in ids:
                ids[name] = len(self.topics)
                self.topics.append(name)
        return np.fromiter(map(ids.__getitem__, names), np.int64, len(names))

    def _tag_hash(self, tag: bytes) -> int:
        value = self._tag_hashes.get(tag)
        if value is None:
            value = self._tag_hashes[tag] = string_hash(tag.decode("utf-8", "replace"))
        return value

    def _deliver_time(self, delay: bytes, store_timestamp: int, otherwise: int) -> int:
        try:
            level = min(int(delay), len(self._delays))
        except ValueError:
            return otherwise
        return store_timestamp + self._delays[level - 1] if level > 0 else otherwise


def index_keys(dispatch: DispatchColumns, index: int, *, tags: bool = False) -> list[bytes]:
    """The keys that the index holds for one record, as `topic#key`, in the order in which they are put; with `tags`
    also `topic#T#tags`, as since 5.4."""
    if not dispatch.indexed[index]:
        return []
    topic = dispatch.topics[int(dispatch.topic_ids[index])] + b"#"
    unique, keys, tag = dispatch.unique_keys[index], dispatch.keys[index], dispatch.tags[index]
    found = [topic + unique] if unique is not None else []
    if keys:
        found += [topic + key for key in keys.split(b" ") if key]
    if tags and tag:
        found.append(topic + _TAG_KIND + tag)
    return found


def block_keys(dispatch: DispatchColumns, *, tags: bool = False) -> tuple[list[bytes], Column]:
    """The index keys of all records of a block in the order in which they are put, and the record that each belongs
    to. `tags` as for `index_keys`."""
    prefixes = [topic + b"#" for topic in dispatch.topics]
    keys: list[bytes] = []
    counts = np.zeros(len(dispatch.properties), np.int64)
    columns = zip(
        dispatch.topic_ids.tolist(), dispatch.indexed.tolist(), dispatch.unique_keys, dispatch.keys,
        dispatch.tags if tags else repeat(None), strict=False,
    )  # fmt: skip
    before = 0
    for i, (topic, indexed, unique, others, tag) in enumerate(columns):
        if not indexed:
            continue
        if unique is not None:
            keys.append(prefixes[topic] + unique)
        if others:
            keys += [prefixes[topic] + key for key in others.split(b" ") if key]
        if tag:
            keys.append(prefixes[topic] + _TAG_KIND + tag)
        counts[i] = len(keys) - before
        before = len(keys)
    return keys, np.repeat(np.arange(len(counts)), counts)


def tag_keys(dispatch: DispatchColumns) -> tuple[list[bytes], Column]:
    """Only the keys `topic#T#tags` of a block, and the record that each belongs to."""
    rows = [i for i, (tag, indexed) in enumerate(zip(dispatch.tags, dispatch.indexed.tolist(), strict=True))
            if tag and indexed]  # fmt: skip
    ids = dispatch.topic_ids
    keys = [b"".join((dispatch.topics[int(ids[i])], b"#", _TAG_KIND, dispatch.tags[i] or b"")) for i in rows]
    return keys, np.array(rows, np.int64)


def hashes_of_properties(dispatch: DispatchColumns, index: int) -> set[int]:
    """The hashes that any property of a record, whatever its name, would have as a key or as tags."""
    topic = dispatch.topics[int(dispatch.topic_ids[index])] + b"#"
    values = {part.partition(b"\x01")[2] for part in dispatch.properties[index].split(b"\x02")}
    values |= {word for value in values for word in value.split(b" ")}
    return set(index_hashes([topic + kind + value for value in values for kind in (b"", _TAG_KIND)]).tolist())


def index_hashes(keys: list[bytes]) -> Column:
    """The key hashes that index entries hold (IndexFile.indexKeyHashMethod), for many keys at once: int64 column."""
    if not keys:
        return np.zeros(0, np.int64)
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    joined = np.frombuffer(b"".join(keys) + b"\0", np.uint8)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    hashes = np.zeros(len(keys), np.uint32)
    wide = np.zeros(len(keys), np.bool_)  # beyond ASCII, where Java hashes UTF-16 units, not bytes
    for column in range(int(lengths.max())):
        inside = column < lengths
        units = joined[np.where(inside, starts + column, 0)]
        hashes = np.where(inside, hashes * np.uint32(31) + units, hashes)
        wide |= inside & (units > 127)
    signed = hashes.view(np.int32).astype(np.int64)
    for i in np.flatnonzero(wide):
        signed[i] = string_hash(keys[i].decode("utf-8", "replace"))
    positive = np.abs(signed)
    return np.where(positive == 1 << 31, 0, positive)
