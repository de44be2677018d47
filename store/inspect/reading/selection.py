"""Reads the records of a commitlog that match a selection, block by block, getting past what is broken.

Which ranges are read at all is decided here and in `lookup.py`, which asks index and consumequeue; how a record looks
as text is in `view/message_lines.py`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from rocketmq_ops.common.tags import split_tags
from rocketmq_ops.store.inspect.reading.blocks import NO_LIMIT, offset_message_id, plain_body
from rocketmq_ops.store.inspect.reading.property_bytes import finder
from rocketmq_ops.store.inspect.reading.scan import Block, Column, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain


class Selection(msgspec.Struct, kw_only=True):
    """Which messages are wanted; None and the widest ranges mean all.

    Ranges are half-open except the times (ms, both ends included). `tag` may name several, separated by `||`.
    `key` matches one of KEYS or the unique key; `message_id` the offset message id or the unique key; `body` is
    searched in the plain (decompressed) body.
    """

    begin_offset: int = 0
    end_offset: int = NO_LIMIT
    topic: str | None = None
    queue_id: int | None = None
    begin_queue_offset: int = 0
    end_queue_offset: int = NO_LIMIT
    begin_time: int = 0
    end_time: int = NO_LIMIT
    tag: str | None = None
    key: str | None = None
    message_id: str | None = None
    body: Any = None  # re.Pattern[bytes]

    @property
    def by_properties(self) -> bool:
        """True when properties or bodies must be looked at."""
        return self.tag is not None or self.key is not None or self.message_id is not None or self.body is not None


def time_range_of_files(chain: FileChain) -> list[int]:
    """The store timestamp (ms) of each file's first record, 0 where it cannot be read."""
    times = []
    for file in chain.files:
        item = next(walk_file(file, 0, crc=False, window=4096), None) if file.size else None
        times.append(int(item.head["store_timestamp"][0]) if isinstance(item, Block) else 0)
    return times


def narrow_by_time(chain: FileChain, selection: Selection) -> tuple[int, int]:
    """The offsets (start, end) that can hold records of the wanted times, by whole files.

    When the files' first times do not ascend (a clock was set back), nothing is left out.
    """
    start, end = selection.begin_offset, selection.end_offset
    if selection.begin_time <= 0 and selection.end_time >= NO_LIMIT:
        return start, end
    times = time_range_of_files(chain)
    if 0 in times[:-1] or any(b < a for a, b in pairwise(times) if b):
        return start, end
    for file, following in zip(chain.files, times[1:], strict=False):
        if 0 < following < selection.begin_time:
            start = max(start, file.base + chain.file_size)
    for file, first in zip(chain.files, times, strict=True):
        if first > selection.end_time:
            end = min(end, file.base)
            break
    return start, end


class Matcher:
    """Finds the records of a block that a selection wants."""

    def __init__(self, selection: Selection) -> None:
        self._wanted = selection
        self._topic = None if selection.topic is None else selection.topic.encode()
        tags = split_tags(selection.tag)
        self._tags = None if tags is None else {tag.encode() for tag in tags}
        self._key = None if selection.key is None else selection.key.encode()
        self._id = None if selection.message_id is None else selection.message_id.strip()
        self._find = finder(b"TAGS", b"KEYS", b"UNIQ_KEY").findall

    def rows(self, block: Block) -> Column:
        """The indices of the wanted records, ascending."""
        want, head = self._wanted, block.head
        mask = (block.offsets >= want.begin_offset) & (block.offsets < want.end_offset)
        if want.begin_time > 0 or want.end_time < NO_LIMIT:
            mask &= (head["store_timestamp"] >= want.begin_time) & (head["store_timestamp"] <= want.end_time)
        if want.queue_id is not None:
            mask &= head["queue_id"] == want.queue_id
        if want.begin_queue_offset > 0 or want.end_queue_offset < NO_LIMIT:
            numbers = head["queue_offset"]
            mask &= (numbers >= want.begin_queue_offset) & (numbers < want.end_queue_offset)
        if self._topic is not None:
            mask &= block.topic_length == len(self._topic)
        rows = np.flatnonzero(mask)
        if self._topic is not None and len(rows):
            topic = self._topic
            names = block.slices(block.topic_at[rows], block.topic_length[rows])
            rows = rows[np.fromiter((name == topic for name in names), np.bool_, len(rows))]
        if want.by_properties and len(rows):
            rows = rows[np.fromiter((self._one(block, i) for i in rows.tolist()), np.bool_, len(rows))]
        return rows

    def _one(self, block: Block, row: int) -> bool:
        at = int(block.properties_at[row])
        properties = block.data[at : at + int(block.properties_length[row])]
        found = dict(self._find(properties))
        if self._tags is not None and found.get(b"TAGS") not in self._tags:
            return False
        unique = found.get(b"UNIQ_KEY")
        if self._key is not None and unique != self._key and self._key not in found.get(b"KEYS", b"").split(b" "):
            return False
        if (
            self._id is not None
            and (unique or b"").decode("utf-8", "replace") != self._id
            and offset_message_id(block, row) != self._id.upper()
        ):
            return False
        return self._wanted.body is None or self._wanted.body.search(plain_body(block, row)) is not None
