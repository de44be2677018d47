"""What the properties of a send say, without parsing them for every message.

A client's messages differ in unique key and keys; the rest of their properties, the shape, mostly does not, and is
parsed once. Which messages are plain is decided here; what becomes of them is `processors/send_message.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.message import (
    PROPERTY_CLUSTER,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_INNER_NUM,
    PROPERTY_KEYS,
    PROPERTY_MSG_REGION,
    PROPERTY_POP_CK,
    PROPERTY_TAGS,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TRACE_SWITCH,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
)

UNIQUE_KEY_MARK = f"{PROPERTY_UNIQ_KEY}\x01"
_KEYS_MARK = f"{PROPERTY_KEYS}\x01"
#: Shapes kept at most, and how long one may be to be kept.
MAX_SHAPES = 1_000
MAX_SHAPE_LENGTH = 1_000
#: Properties with which a message is not plain, nor with a second unique key or keys.
SPECIAL_PROPERTIES = frozenset(
    {
        PROPERTY_CLUSTER,
        PROPERTY_DELAY_TIME_LEVEL,
        PROPERTY_INNER_NUM,
        PROPERTY_KEYS,
        PROPERTY_MSG_REGION,
        PROPERTY_POP_CK,
        PROPERTY_TIMER_DELAY_MS,
        PROPERTY_TIMER_DELAY_SEC,
        PROPERTY_TIMER_DELIVER_MS,
        PROPERTY_TRACE_SWITCH,
        PROPERTY_TRANSACTION_PREPARED,
        PROPERTY_UNIQ_KEY,
    }
)


class Shape:
    """Properties without unique key and keys. Messages of a shape that is not `plain` want more than to be stored."""

    __slots__ = ("plain", "properties", "tags_code")

    def __init__(self, plain: bool, properties: dict[str, str], tags_code: int) -> None:
        self.plain = plain
        self.properties = properties
        self.tags_code = tags_code


_SPECIAL = Shape(False, {}, 0)


class SendShapes:
    """The shapes that were seen. `table` leads from a properties text without unique key and keys to its shape."""

    def __init__(self, hash_of_tags: Callable[[str], int]) -> None:
        self.table: dict[str, Shape] = Bounded(MAX_SHAPES)
        self._hash_of_tags = hash_of_tags

    def find(self, text: str) -> tuple[Shape, str | None]:
        """Shape and keys (KEYS, None without any) of a properties text that the unique key was cut out of."""
        keys = None
        if _KEYS_MARK in text:
            before, _, keys = text.partition(_KEYS_MARK)
            if before and before[-1] != "\x02":
                return _SPECIAL, None
            keys, separator, after = keys.partition("\x02")
            text = before + separator + after
        shape = self.table.get(text)
        if shape is None:
            shape = self._parsed(text)
            if len(text) <= MAX_SHAPE_LENGTH:
                self.table[text] = shape
        return shape, keys

    def _parsed(self, text: str) -> Shape:
        try:
            pairs = [piece.split("\x01", 1) for piece in text.split("\x02") if piece]
            properties = {name: value for name, value in pairs if name and value}
        except ValueError:
            return _SPECIAL
        if not SPECIAL_PROPERTIES.isdisjoint(properties):
            return _SPECIAL
        tags = properties.get(PROPERTY_TAGS)
        return Shape(True, properties, self._hash_of_tags(tags) if tags else 0)
