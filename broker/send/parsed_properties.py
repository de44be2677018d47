"""What the properties of a send say, without parsing them for every message.

A client's messages differ in unique key and keys; the rest of their properties mostly does not, and is parsed once.
With which properties a send takes the long way is decided here, as it is parsed (`LongWay.PROPERTIES`).
"""

from __future__ import annotations

from enum import Enum

from rocketmq_ops.broker.send.send_plan import LongWay
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import (
    PROPERTY_CLUSTER,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_INNER_NUM,
    PROPERTY_KEYS,
    PROPERTY_MSG_REGION,
    PROPERTY_POP_CK,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TIMER_DEL_UNIQKEY,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TRACE_SWITCH,
    PROPERTY_TRANSACTION_ID,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
)
from rocketmq_ops.common.stage_times import PROPERTY_STAGES

_UNIQUE_KEY_MARK = f"{PROPERTY_UNIQ_KEY}\x01"
_KEYS_MARK = f"{PROPERTY_KEYS}\x01"
#: Texts kept at most, and how long one may be to be kept.
_MAX_TEXTS, _MAX_TEXT_LENGTH = 1_000, 1_000
#: So many digits are a number of 64 bits.
_MOST_DIGITS = 18
#: Properties with which a send takes the long way, unless one of them alone lets it wait (`Parks`); so it does with a
#: second unique key or keys.
SPECIAL_PROPERTIES = frozenset(
    {
        PROPERTY_CLUSTER,
        PROPERTY_DELAY_TIME_LEVEL,
        PROPERTY_INNER_NUM,
        PROPERTY_KEYS,
        PROPERTY_MSG_REGION,
        PROPERTY_POP_CK,
        PROPERTY_STAGES,
        PROPERTY_TIMER_DELAY_MS,
        PROPERTY_TIMER_DELAY_SEC,
        PROPERTY_TIMER_DELIVER_MS,
        PROPERTY_TRACE_SWITCH,
        PROPERTY_TRANSACTION_PREPARED,
        PROPERTY_UNIQ_KEY,
    }
)
#: What the broker adds to a message that waits; a message that has one of them already takes the long way then.
_OF_WAITING = frozenset(
    {
        PROPERTY_REAL_QUEUE_ID,
        PROPERTY_REAL_TOPIC,
        PROPERTY_TIMER_DEL_UNIQKEY,
        PROPERTY_TIMER_OUT_MS,
        PROPERTY_TRANSACTION_ID,
    }
)


class Parks(Enum):
    """Messages that wait in a topic of the broker's before they come into their own."""

    HALF = "for the end of its transaction"
    DELAY = "for a delay level"
    TIMER = "for its time"


#: By the one special property that says so.
_PARKS = {
    PROPERTY_TRANSACTION_PREPARED: Parks.HALF,
    PROPERTY_DELAY_TIME_LEVEL: Parks.DELAY,
    PROPERTY_TIMER_DELAY_SEC: Parks.TIMER,
    PROPERTY_TIMER_DELAY_MS: Parks.TIMER,
    PROPERTY_TIMER_DELIVER_MS: Parks.TIMER,
}


def _parks(properties: dict[str, str]) -> Parks | None:
    """For what a message waits that may do so on the short way."""
    special = SPECIAL_PROPERTIES.intersection(properties)
    if len(special) != 1 or not _OF_WAITING.isdisjoint(properties):
        return None
    (name,) = special
    parks, value = _PARKS.get(name), properties[name]
    if parks is Parks.HALF:
        return parks if value.lower() == "true" else None
    # Numbers as Java writes them: they are stored as they came.
    return parks if value.isascii() and value.isdecimal() and value[0] != "0" and len(value) <= _MOST_DIGITS else None


class ParsedProperties:
    """Properties without unique key and keys."""

    __slots__ = ("is_half", "long_way", "parks", "properties", "tags_code")

    def __init__(self, properties: dict[str, str]) -> None:
        self.properties = properties
        #: Why sends with them take the long way, None where they need not.
        self.long_way: LongWay | None = None
        self.parks: Parks | None = None
        if not SPECIAL_PROPERTIES.isdisjoint(properties):
            self.parks = _parks(properties)
            self.long_way = None if self.parks is not None else LongWay.PROPERTIES
        self.is_half = self.parks is Parks.HALF
        tags = properties.get(PROPERTY_TAGS)
        self.tags_code = tags_hash(tags) if tags else 0


_UNREADABLE = ParsedProperties({})
_UNREADABLE.long_way = LongWay.PROPERTIES


class PropertiesParser:
    """Parses the properties of sends, those of most only once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        #: By a text without unique key and keys.
        self._known: dict[str, ParsedProperties] = Bounded(_MAX_TEXTS)

    def parse(self, text: str) -> tuple[ParsedProperties, bytes, str | None, bytes]:
        """The properties of a text, its unique key (empty without one), its keys (KEYS, None without any), and the
        text encoded, with a separator at its end.
        """
        try:
            encoded = (text if text[-1:] == "\x02" else f"{text}\x02").encode()
        except UnicodeEncodeError:
            return _UNREADABLE, b"", None, b""
        before, _, after = text.partition(_UNIQUE_KEY_MARK)
        unique_key, separator, after = after.partition("\x02")
        other = before + separator + after
        parsed, keys = self._known.get(other), None
        if parsed is None:
            parsed, keys = self._find(other)
        if before and before[-1] != "\x02":
            parsed = _UNREADABLE
        return parsed, unique_key.encode(), keys, encoded

    def _find(self, text: str) -> tuple[ParsedProperties, str | None]:
        """As `parse`, for a text that the unique key was cut out of."""
        keys = None
        if _KEYS_MARK in text:
            before, _, keys = text.partition(_KEYS_MARK)
            if before and before[-1] != "\x02":
                return _UNREADABLE, None
            keys, separator, after = keys.partition("\x02")
            text = before + separator + after
        parsed = self._known.get(text)
        if parsed is None:
            parsed = _parsed(text)
            if len(text) <= _MAX_TEXT_LENGTH:
                self._known[text] = parsed
        return parsed, keys


def _parsed(text: str) -> ParsedProperties:
    try:
        pairs = [piece.split("\x01", 1) for piece in text.split("\x02") if piece]
        return ParsedProperties({name: value for name, value in pairs if name and value})
    except ValueError:
        return _UNREADABLE
