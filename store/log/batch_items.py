"""The messages inside a batch body (request 320), taken apart into columns.

What lives here: cutting the body into items, in one go where all are alike in size, as nearly all batches are
(mirrors MessageDecoder.decodeBatch), and what their encoded properties say to index and consumequeue. What does not:
records made of the items (`batch_records.py`), and what becomes of them (`appender.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rocketmq_ops.common.message_codec import BadRecordError, iter_batch
from rocketmq_ops.common.record_layout import BATCH_ITEM
from rocketmq_ops.store.layout.batch_item import LEAST_SIZE, whole_item
from rocketmq_ops.store.layout.repeated_structs import RepeatedStructs

_ITEM_HEAD = BATCH_ITEM.struct
_ITEM_HEAD_SIZE = _ITEM_HEAD.size
#: Alike items beyond so many in a row are handled one by one.
MOST_ALIKE = 128
#: Ends the names of TAGS and KEYS, the properties of an item that dispatch looks at.
_TAGS_OR_KEYS_MARK = b"S\x01"
_TAGS, _KEYS, _UNIQUE_KEY = b"TAGS\x01", b"KEYS\x01", b"UNIQ_KEY\x01"


class BatchItems:
    """The items of a batch, a column for each of their fields. Items are `alike` when each column has one length."""

    __slots__ = ("alike", "contents", "flags", "own", "tails")

    def __init__(
        self, flags: Sequence[int], contents: Sequence[bytes], own: Sequence[bytes], tails: Sequence[bytes], alike: bool
    ) -> None:
        self.flags = flags
        self.contents = contents
        #: Properties of each item without those of the batch.
        self.own = own
        #: What follows them: the properties of the batch, with a separator where one is missing.
        self.tails = tails
        self.alike = alike

    def properties_lengths(self) -> list[int]:
        """Bytes of the properties of each item's record."""
        if self.alike:
            return [len(self.own[0]) + len(self.tails[0])] * len(self.own)
        return [len(own) + len(tail) for own, tail in zip(self.own, self.tails, strict=True)]

    @property
    def have_tags_or_keys(self) -> bool:
        """False only when surely no item has any."""
        return _TAGS_OR_KEYS_MARK in b"\x02".join(self.own)


def shared_key(extra: bytes) -> str | None:
    """The unique key that the properties of a batch give all its items; None when these must be looked at.

    Properties of the batch stand behind those of the item and so prevail."""
    at = extra.find(_UNIQUE_KEY)
    if _TAGS_OR_KEYS_MARK in extra or at < 0 or extra.find(_UNIQUE_KEY, at + 1) >= 0 or (at and extra[at - 1] != 2):
        return None
    return extra[at + len(_UNIQUE_KEY) :].partition(b"\x02")[0].decode("utf-8", "replace") or None


def tags_and_keys(own: bytes) -> tuple[str | None, str | None] | None:
    """TAGS and KEYS of an item without parsing its properties; None when they have to be parsed."""
    padded = b"\x02" + own
    tags, keys = own.count(_TAGS), own.count(_KEYS)
    if tags > 1 or keys > 1 or padded.count(b"\x02TAGS\x01") != tags or padded.count(b"\x02KEYS\x01") != keys:
        return None
    return _value(own, _TAGS), _value(own, _KEYS)


def _value(own: bytes, name: bytes) -> str | None:
    at = own.find(name)
    if at < 0:
        return None
    return own[at + len(name) :].partition(b"\x02")[0].decode("utf-8", "replace")


_structs = RepeatedStructs(MOST_ALIKE)


def read_items(body: bytes, extra: bytes) -> BatchItems:
    """Take apart a batch body; `extra` are the encoded properties of the batch. Raises BadRecordError."""
    return _read_alike(body, extra) or _read_each(body, extra)


def _read_alike(body: bytes, extra: bytes) -> BatchItems | None:
    """The items when all are alike (and this has been seen before), else None."""
    limit = len(body)
    if limit < LEAST_SIZE:
        return None
    size, _, _, _, length = _ITEM_HEAD.unpack_from(body)
    own_length = size - length - LEAST_SIZE
    if size < LEAST_SIZE or length < 0 or own_length < 0 or limit % size:
        return None
    count = limit // size
    alike_struct = _structs.get(whole_item(length, own_length), count)
    if alike_struct is None:
        return None
    tail = extra
    if extra and own_length:
        separated = body[size - 1 :: size].count(b"\x02")
        if separated != count:
            if separated:
                return None
            tail = b"\x02" + extra
    columns = alike_struct.unpack(body)
    if columns[::6] != (size,) * count or columns[2::6] != (length,) * count or columns[4::6] != (own_length,) * count:
        return None
    return BatchItems(columns[1::6], columns[3::6], columns[5::6], (tail,) * count, True)


def _read_each(body: bytes, extra: bytes) -> BatchItems:
    """The items one after the other. Raises BadRecordError."""
    flags: list[int] = []
    contents: list[bytes] = []
    own: list[bytes] = []
    tails: list[bytes] = []
    separated = b"\x02" + extra if extra else b""
    position, limit = 0, len(body)
    while position < limit:
        if position + LEAST_SIZE > limit:
            raise _batch_error(body)
        size, _, _, flag, length = _ITEM_HEAD.unpack_from(body, position)
        length_at = position + _ITEM_HEAD_SIZE + length
        end = position + size
        if (
            length < 0
            or end > limit
            or length_at + 2 > end
            or (body[length_at] << 8 | body[length_at + 1]) != end - length_at - 2
        ):
            raise _batch_error(body)
        flags.append(flag)
        contents.append(body[position + _ITEM_HEAD_SIZE : length_at])
        own.append(body[length_at + 2 : end])
        tails.append(extra if length_at + 2 == end or body[end - 1] == 2 else separated)
        position = end
    return BatchItems(flags, contents, own, tails, False)


def _batch_error(body: bytes) -> BadRecordError:
    """What is wrong with a batch body."""
    try:
        for _ in iter_batch(body):
            pass
    except BadRecordError as error:
        return error
    return BadRecordError(0, "lengths", "a batch item has lengths that do not fit")
