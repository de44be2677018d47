"""Sends that differ from an earlier one of their connection in a few values only: stored without decoding the header.

A producer's sends to one topic have headers that are equal byte for byte but for queue id, born timestamp, properties
and opaque. What was decoded of one such send holds for the next one when the rest of its header is the same bytes; of
the properties mostly unique key and keys differ alone, and the others need not be looked at then.
What lives here: remembering a send, the comparison, and the message made of it. What does not: the first send of a
kind, those that take the long way (`send_plan.py`), storing and answering (`processors/send_message.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.broker.send.send_plan import SendPlan, is_plain_key
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_UNIQ_KEY
from rocketmq_ops.store.inner_message import InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.send.parsed_properties import Parks, ParsedProperties
    from rocketmq_ops.broker.send.send_checks import SendHeader
    from rocketmq_ops.remoting.command import RemotingCommand

#: What stands before queue id, born timestamp, properties and opaque in the JSON of most clients, and what ends them.
_FIELDS = ((b'"e":"', b'"'), (b'"g":"', b'"'), (b'"i":"', b'"'), (b'"opaque":', b","))
#: Longer headers are not remembered, bytes.
_MAX_HEADER = 4_096
_UNIQUE_KEY = f"{PROPERTY_UNIQ_KEY}\\u0001".encode()
_KEYS = f"{PROPERTY_KEYS}\\u0001".encode()
_MAX_OPAQUE_DIGITS = 9
#: Kinds kept for a connection, and queue ids known by their digits, at most.
_MAX_KINDS, _MAX_QUEUES = 64, 1_000
#: Sends that may be decoded, at most, until another one replaces what is remembered.
_MAX_MISSES = 4_096
#: So many sends in a row that are of another kind than is remembered of their length have that forgotten, at first:
#: when opaques become longer, what had this length before has another.
_IN_A_ROW = 16
_decode_text = msgspec.json.Decoder(str).decode

#: Stores a send (plan, message, unique key, keys, opaque): the frame of its answer, None when it was not stored.
Put = Callable[[SendPlan, InnerMessage, bytes, str | None, int], bytes | None]
#: `PropertiesParser.parse`.
Parse = Callable[[str], "tuple[ParsedProperties, bytes, str | None, bytes]"]


class _Kind:
    """Sends whose headers have one length and the same bytes around eleven fields: six literals and five values."""

    __slots__ = (
        "added", "after", "around", "before", "has_keys", "keys_first", "literals", "message", "misses", "other",
        "parks", "pieces", "plan", "properties", "put", "queues", "unpack",
    )  # fmt: skip

    def __init__(
        self, fields: list[bytes], pieces: tuple[bytes, bytes, bytes], plan: SendPlan, message: InnerMessage, put: Put
    ) -> None:
        self.unpack: Callable[[bytes], tuple[bytes, ...]] = struct.Struct(
            "".join([f"{len(f)}s" for f in fields])
        ).unpack
        self.literals = (fields[0], fields[2], fields[4], fields[6], fields[8], fields[10])
        #: Encoded properties around unique key and keys, those of the broker at their end.
        self.pieces = pieces
        self.plan = plan
        #: One message, filled anew for each send; and one for those with other properties.
        self.message = message
        self.other = copy(message)
        self.queues = {b"%d" % number: number for number in range(min(plan.queue_id_limit, _MAX_QUEUES))}
        self.put = put
        self.has_keys = self.keys_first = False
        # For sends with other properties: where those are, with their quotes, the literals apart from theirs, what
        # stands before and after them in theirs, and what the broker adds to them.
        self.properties = slice(0)
        self.around = (fields[0], fields[2], fields[10])
        self.before = self.after = self.added = b""
        self.parks: Parks | None = None
        #: Sends of this length in a row that were of another kind.
        self.misses = 0


class KnownSends:
    """The kinds of sends that one connection has sent."""

    __slots__ = ("_is_current", "_kinds", "_misses", "_most_in_a_row", "_most_misses", "_parse")

    def __init__(self, is_current: Callable[[SendPlan], bool], parse: Parse) -> None:
        """`is_current`: whether what a plan and its answers were made of is still so; `parse`: of properties."""
        self._is_current = is_current
        self._parse = parse
        #: By the length of the header; None where there was something that cannot be remembered.
        self._kinds: Bounded[int, _Kind | None] = Bounded(_MAX_KINDS)
        self._misses = 0
        #: So many sends of no known kind are passed over before one of them is remembered.
        self._most_misses = 1
        #: So many in a row that are not of the kind of their length have it forgotten.
        self._most_in_a_row = _IN_A_ROW

    def try_store(self, raw: bytes, body: bytes | bytearray | memoryview) -> bytes | None:
        """Store the send with this JSON header and body; the frame of its answer, None when it is of no known kind.

        Nothing has been stored then.
        """
        kind = self._kinds.get(len(raw))
        if kind is None or not body:
            return None
        start, queue, second, timestamp, third, key, fourth, keys, fifth, opaque, end = kind.unpack(raw)
        plan, text = kind.plan, None
        if (start, second, third, fourth, fifth, end) == kind.literals:
            before, between, after = kind.pieces
            message = kind.message
            message.properties_bytes = before + key + between + keys + after
            if kind.has_keys:
                if kind.keys_first:
                    key, keys = keys, key
                try:
                    text = keys.decode()
                except UnicodeDecodeError:
                    return None
                # Separators, too, stand in JSON only escaped. Asked of a text, which costs a tenth of what it does of
                # bytes.
                if '"' in text or "\\" in text or not text.isprintable():
                    return None
        elif (
            (start, second, end) == kind.around and third.startswith(kind.before) and fifth.endswith(kind.after)
        ):  # fmt: skip
            found = self._take_properties(kind, raw)
            if found is None:
                return None
            key, text = found
            message = kind.other
        else:
            kind.misses += 1
            if kind.misses >= self._most_in_a_row:
                self._most_in_a_row = min(2 * self._most_in_a_row, _MAX_MISSES)
                del self._kinds[len(raw)]
            return None
        kind.misses = 0
        queue_id = kind.queues.get(queue)
        if queue_id is None or not (is_plain_key(key) and timestamp.isdigit() and opaque.isdigit()):
            return None
        if not self._is_current(plan):
            del self._kinds[len(raw)]
            return None
        message.queue_id = queue_id
        message.born_timestamp = int(timestamp)
        message.body = body
        answer = kind.put(plan, message, key, text, int(opaque))
        message.body = b""
        return answer

    def _take_properties(self, kind: _Kind, raw: bytes) -> tuple[bytes, str | None] | None:
        """Give the message for it the properties of a send that has others than its kind: unique key and keys.

        None when it has to be decoded: for what they are, or to be remembered in its kind's place, now and then.
        """
        if self._misses + 1 >= self._most_misses:
            return None
        try:
            text = _decode_text(raw[kind.properties])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        properties, unique_key, keys, encoded = self._parse(text)
        if properties.long_way is not None or properties.parks is not kind.parks:
            return None
        self._misses += 1
        message = kind.other
        message.properties = properties.properties
        message.properties_bytes = encoded + kind.added
        message.tags_code = properties.tags_code
        return unique_key, keys

    def remember(
        self,
        request: RemotingCommand,
        header: SendHeader,
        plan: SendPlan,
        message: InnerMessage,
        put: Put,
        unique_key: bytes,
        keys: str | None,
        parks: Parks | None,
    ) -> None:
        """Remember a send that `put` has stored; its message is taken over.

        Nothing is remembered of a header that is written in another way than most.
        """
        raw = request.ext_source
        if type(raw) is not bytes:
            return
        kinds = self._kinds
        if len(raw) in kinds or len(kinds) >= _MAX_KINDS:
            # Perhaps the connection alternates between more kinds than can be held apart: remember ever more rarely.
            self._misses += 1
            if self._misses < self._most_misses:
                return
            self._misses = 0
            self._most_misses = min(2 * self._most_misses, _MAX_MISSES)
        kinds[len(raw)] = None
        parts = _split(raw)
        if parts is None or request.flag:
            return
        start, queue, second, timestamp, third, spelled, fourth, opaque, end = parts
        if not (queue.isdigit() and timestamp.isdigit() and opaque.isdigit()):
            return
        if (int(queue), int(timestamp), int(opaque)) != (header.queue_id, header.born_timestamp, request.opaque):
            return
        # Opaques of as many digits must all be integers of 32 bits.
        plain = _unescaped(spelled)
        if len(opaque) > _MAX_OPAQUE_DIGITS or plain != (header.properties or "").encode():
            return
        values = sorted(
            (spelled.find(mark) + len(mark), value)
            for mark, value in ((_UNIQUE_KEY, unique_key), (_KEYS, keys.encode() if keys is not None else None))
            if value is not None
        )
        (at, value), (then, other) = values[0], values[-1] if len(values) == 2 else (len(spelled), b"")
        between, after = spelled[at + len(value) : then], spelled[then + len(other) :]
        encoded = message.properties_bytes
        added = encoded[len(plain) :]
        pieces = (_unescaped(spelled[:at]), _unescaped(between), _unescaped(after) + added)
        fields = [
            start, queue, second, timestamp, third + spelled[:at], value, between, other, after + fourth, opaque, end,
        ]  # fmt: skip
        if pieces[0] + value + pieces[1] + other + pieces[2] != encoded or b"".join(fields) != raw:
            return
        message.body = b""
        kind = _Kind(fields, pieces, plan, message, put)
        kind.has_keys, kind.keys_first = keys is not None, value != unique_key
        begin = len(start) + len(queue) + len(second) + len(timestamp) + len(third)
        kind.properties = slice(begin - 1, begin + len(spelled) + 1)
        kind.before, kind.after, kind.parks = third, fourth, parks
        kind.added = added if plain[-1:] == b"\x02" else added[1:]  # without the separator that theirs lacked
        self._kinds[len(raw)] = kind


def _split(raw: bytes) -> list[bytes] | None:
    """Five literals of a header with the four values that may differ between them; None if it is another."""
    if len(raw) > _MAX_HEADER or raw[:8] != b'{"code":':
        return None
    parts, at = [], 0
    for mark, ending in _FIELDS:
        start = raw.find(mark, at) + len(mark)
        end = raw.find(ending, start)
        if raw.count(mark) != 1 or start < at + len(mark) or end < 0:
            return None
        parts += [raw[at:start], raw[start:end]]
        at = end
    return [*parts, raw[at:]]


def _unescaped(text: bytes) -> bytes:
    """Properties out of a JSON string that escapes nothing but their separators."""
    return text.replace(b"\\u0001", b"\x01").replace(b"\\u0002", b"\x02")
