"""The message model: what a producer gives and what a consumer gets, and the properties that both carry.

The bytes of a record live in `record_layout.py` and `message_codec.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

NAME_VALUE_SEPARATOR: Final = "\x01"
PROPERTY_SEPARATOR: Final = "\x02"
KEY_SEPARATOR: Final = " "
PROPERTIES_MAX_LENGTH: Final = 32767  # the length field is a Java short

PROPERTY_KEYS: Final = "KEYS"
PROPERTY_TAGS: Final = "TAGS"
PROPERTY_WAIT_STORE_MSG_OK: Final = "WAIT"
PROPERTY_DELAY_TIME_LEVEL: Final = "DELAY"
PROPERTY_RETRY_TOPIC: Final = "RETRY_TOPIC"
PROPERTY_REAL_TOPIC: Final = "REAL_TOPIC"
PROPERTY_REAL_QUEUE_ID: Final = "REAL_QID"
PROPERTY_TRANSACTION_PREPARED: Final = "TRAN_MSG"
PROPERTY_PRODUCER_GROUP: Final = "PGROUP"
PROPERTY_MIN_OFFSET: Final = "MIN_OFFSET"
PROPERTY_MAX_OFFSET: Final = "MAX_OFFSET"
PROPERTY_ORIGIN_MESSAGE_ID: Final = "ORIGIN_MESSAGE_ID"
PROPERTY_RECONSUME_TIME: Final = "RECONSUME_TIME"
PROPERTY_MSG_REGION: Final = "MSG_REGION"
PROPERTY_TRACE_SWITCH: Final = "TRACE_ON"
PROPERTY_UNIQ_KEY: Final = "UNIQ_KEY"
PROPERTY_EXTEND_UNIQ_INFO: Final = "EXTEND_UNIQ_INFO"
PROPERTY_MAX_RECONSUME_TIMES: Final = "MAX_RECONSUME_TIMES"
PROPERTY_CONSUME_START_TIMESTAMP: Final = "CONSUME_START_TIME"
PROPERTY_INNER_NUM: Final = "INNER_NUM"
PROPERTY_CHECK_IMMUNITY_TIME: Final = "CHECK_IMMUNITY_TIME_IN_SECONDS"
PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET: Final = "TRAN_PREPARED_QUEUE_OFFSET"
PROPERTY_TRANSACTION_ID: Final = "__transactionId__"
PROPERTY_TRANSACTION_CHECK_TIMES: Final = "TRANSACTION_CHECK_TIMES"
PROPERTY_INSTANCE_ID: Final = "INSTANCE_ID"
PROPERTY_CORRELATION_ID: Final = "CORRELATION_ID"
PROPERTY_MESSAGE_REPLY_TO_CLIENT: Final = "REPLY_TO_CLIENT"
PROPERTY_MESSAGE_TTL: Final = "TTL"
PROPERTY_REPLY_MESSAGE_ARRIVE_TIME: Final = "ARRIVE_TIME"
PROPERTY_PUSH_REPLY_TIME: Final = "PUSH_REPLY_TIME"
PROPERTY_CLUSTER: Final = "CLUSTER"
PROPERTY_MESSAGE_TYPE: Final = "MSG_TYPE"
PROPERTY_POP_CK: Final = "POP_CK"
PROPERTY_FIRST_POP_TIME: Final = "1ST_POP_TIME"
PROPERTY_SHARDING_KEY: Final = "__SHARDINGKEY"
PROPERTY_INNER_MULTI_DISPATCH: Final = "INNER_MULTI_DISPATCH"
PROPERTY_INNER_MULTI_QUEUE_OFFSET: Final = "INNER_MULTI_QUEUE_OFFSET"
PROPERTY_TIMER_DELAY_SEC: Final = "TIMER_DELAY_SEC"
PROPERTY_TIMER_DELIVER_MS: Final = "TIMER_DELIVER_MS"
PROPERTY_TIMER_DELAY_MS: Final = "TIMER_DELAY_MS"
PROPERTY_TIMER_OUT_MS: Final = "TIMER_OUT_MS"
PROPERTY_TIMER_ENQUEUE_MS: Final = "TIMER_ENQUEUE_MS"
PROPERTY_TIMER_DEQUEUE_MS: Final = "TIMER_DEQUEUE_MS"
PROPERTY_TIMER_ROLL_TIMES: Final = "TIMER_ROLL_TIMES"
PROPERTY_TIMER_ROLL_LABEL: Final = "TIMER_ROLL_LABEL"
PROPERTY_TIMER_DEL_UNIQKEY: Final = "TIMER_DEL_UNIQKEY"
PROPERTY_BORN_HOST: Final = "__BORNHOST"
PROPERTY_BORN_TIMESTAMP: Final = "BORN_TIMESTAMP"
PROPERTY_CRC32: Final = "__CRC32#"
PROPERTY_DLQ_ORIGIN_TOPIC: Final = "DLQ_ORIGIN_TOPIC"
PROPERTY_DLQ_ORIGIN_MESSAGE_ID: Final = "DLQ_ORIGIN_MESSAGE_ID"


_OF_TIMES: Final = (
    PROPERTY_DELAY_TIME_LEVEL, PROPERTY_TIMER_DELAY_SEC, PROPERTY_TIMER_DELAY_MS, PROPERTY_TIMER_DELIVER_MS,
)  # fmt: skip


class MessageQueue(msgspec.Struct, frozen=True, order=True, rename="camel"):
    """One queue of a topic on one broker."""

    topic: str
    broker_name: str
    queue_id: int


class Message(msgspec.Struct, kw_only=False):
    """What a producer sends. `flag` is the application's own number; keys in KEYS are separated by blanks.

    A message waits for the time of its `delay_time_level`, or (brokers of 5.0 and later) for `delay_time_ms` from when
    the broker gets it, or until `deliver_time_ms` since the epoch; of several of them the first one counts.
    """

    topic: str
    body: bytes = b""
    tags: str | None = None
    keys: str | None = None
    flag: int = 0
    properties: dict[str, str] = {}
    delay_time_level: int = 0
    wait_store_msg_ok: bool = True
    delay_time_ms: int = 0
    deliver_time_ms: int = 0

    @property
    def waits(self) -> bool:
        """Whether it is delivered later than at once."""
        asked = self.delay_time_level or self.delay_time_ms or self.deliver_time_ms
        return bool(asked) or not self.properties.keys().isdisjoint(_OF_TIMES)

    def all_properties(self) -> dict[str, str]:
        """The properties as they go over the wire: the user's own and those with a field here."""
        result = dict(self.properties)
        if self.tags:
            result[PROPERTY_TAGS] = self.tags
        if self.keys:
            result[PROPERTY_KEYS] = self.keys
        if self.delay_time_level:
            result[PROPERTY_DELAY_TIME_LEVEL] = str(self.delay_time_level)
        if self.delay_time_ms:
            result[PROPERTY_TIMER_DELAY_MS] = str(self.delay_time_ms)
        if self.deliver_time_ms:
            result[PROPERTY_TIMER_DELIVER_MS] = str(self.deliver_time_ms)
        result.setdefault(PROPERTY_WAIT_STORE_MSG_OK, "true" if self.wait_store_msg_ok else "false")
        return result


class MessageExt(msgspec.Struct):
    """A stored message with every field of its record.

    Timestamps are in ms, offsets in bytes (`commit_log_offset`) or messages (`queue_offset`), hosts are `(ip, port)`.
    `body` is as stored unless the decoder was asked to decompress it. `offset_msg_id` names the record
    (store host and commitlog offset); `msg_id` is the producer's unique key where there is one. `body_error` says why a
    client could not decode the body, which then is as stored.
    """

    topic: str
    queue_id: int
    queue_offset: int
    commit_log_offset: int
    store_size: int
    body: bytes
    body_crc: int
    flag: int
    sys_flag: int
    born_timestamp: int
    born_host: tuple[str, int]
    store_timestamp: int
    store_host: tuple[str, int]
    reconsume_times: int
    prepared_transaction_offset: int
    properties: dict[str, str]
    offset_msg_id: str
    broker_name: str | None = None
    body_error: str | None = None

    @property
    def msg_id(self) -> str:
        """The unique key that the producer gave, else the offset message id (as Apache's MessageClientExt)."""
        return self.properties.get(PROPERTY_UNIQ_KEY) or self.offset_msg_id

    @property
    def tags(self) -> str | None:
        """The tag, if any."""
        return self.properties.get(PROPERTY_TAGS)

    @property
    def keys(self) -> list[str]:
        """The application's keys. The ASCII blank alone separates them; a key may hold any other white space."""
        return [key for key in (self.properties.get(PROPERTY_KEYS) or "").split(KEY_SEPARATOR) if key]


def properties_to_string(properties: dict[str, str]) -> str:
    """The wire form: name, 0x01, value, joined by 0x02 (MessageDecoder.messageProperties2String)."""
    return PROPERTY_SEPARATOR.join([f"{name}{NAME_VALUE_SEPARATOR}{value}" for name, value in properties.items()])


def string_to_properties(text: str) -> dict[str, str]:
    """The dict of a wire form. Ignores pieces without name or value, as MessageDecoder.string2messageProperties."""
    result: dict[str, str] = {}
    for piece in text.split(PROPERTY_SEPARATOR):
        name, _, value = piece.partition(NAME_VALUE_SEPARATOR)
        if name and value:
            result[name] = value
    return result


def start_of(name: str) -> str:
    """What stands in a wire form, with a separator before it, in front of a property's value."""
    return f"{PROPERTY_SEPARATOR}{name}{NAME_VALUE_SEPARATOR}"


def stored_value(text: str, start: str) -> str | None:
    """The value of a property as `string_to_properties` has it: of several of that name the last that is not empty.

    `text` is the wire form with a separator before it, `start` of the property is what `start_of` makes."""
    at = text.rfind(start)
    while at >= 0:
        value_at = at + len(start)
        end = text.find(PROPERTY_SEPARATOR, value_at)
        if end != value_at and value_at < len(text):
            return text[value_at:end] if end > 0 else text[value_at:]
        at = text.rfind(start, 0, at)
    return None


class StoredProperties:
    """Single properties of a wire form, found when asked for; as the dict that `string_to_properties` makes of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = PROPERTY_SEPARATOR + text

    def get(self, name: str, /) -> str | None:
        """The value of a property; of several of that name the last."""
        return stored_value(self._text, start_of(name)) if name else None


def unread_pieces(text: str) -> str:
    """The pieces of a wire form that `string_to_properties` passes over, each ended by its separator."""
    unread = []
    for piece in text.split(PROPERTY_SEPARATOR):
        name, _, value = piece.partition(NAME_VALUE_SEPARATOR)
        if piece and not (name and value):
            unread.append(piece + PROPERTY_SEPARATOR)
    return "".join(unread)
