"""What clients traced of one message: who sent it and when, and each time that a consumer took it.

The traces are messages of the trace topic under the unique key of the message. Mirrors QueryMsgTraceByIdSubCommand and
TraceDataEncoder; that command shows a consumption only when it has ended, and no transaction ends and recalls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.client.trace_text import CONTEXT_END, FIELD_END
from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.topics import TRACE_TOPIC

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.common.message import MessageExt

#: The short names of MessageType by its number, as far as traces have it.
_MESSAGE_TYPES: Final = ("Normal", "Trans", "TransCommit", "Delay", "Order")
#: ConsumeReturnType by its number.
_RESULTS: Final = ("SUCCESS", "TIME_OUT", "EXCEPTION", "RETURNNULL", "FAILED")


class SendTrace(msgspec.Struct, rename="camel", kw_only=True):
    """What a producer did with the message: `kind` Pub (sent), EndTransaction or Recall. Times in ms; None: not traced.

    `client_host` is where the client that traced it runs, as its broker saw it.
    """

    kind: str
    group: str
    client_host: str
    timestamp: int
    topic: str
    success: bool | None = None
    cost_millis: int | None = None
    region: str | None = None
    tags: str | None = None
    keys: str | None = None
    store_host: str | None = None
    body_length: int | None = None
    message_type: str | None = None
    offset_msg_id: str | None = None
    transaction_id: str | None = None
    transaction_state: str | None = None
    from_transaction_check: bool | None = None


class ConsumeTrace(msgspec.Struct, rename="camel", kw_only=True):
    """One time that a consumer took the message. Times in ms; None: not traced.

    `success` None: the end is not traced: it is at work, its client has stopped, or that trace was lost.
    `result` is a ConsumeReturnType.
    """

    group: str | None
    client_host: str
    begin_timestamp: int | None = None
    end_timestamp: int | None = None
    cost_millis: int | None = None
    retry_times: int | None = None
    success: bool | None = None
    result: str | None = None


class MessageTraces(msgspec.Struct, rename="camel"):
    """Everything traced of one message, each list by time. `truncated`: a broker may hold more than was asked for."""

    msg_id: str
    trace_topic: str
    sent: list[SendTrace]
    consumed: list[ConsumeTrace]
    truncated: bool = False
    failures: list[Failure] = []


async def traces(
    admin: MQAdmin,
    msg_id: str,
    *,
    trace_topic: str = TRACE_TOPIC,
    begin: int = 0,
    end: int = LONG_MAX,
    max_num: int = 64,
) -> MessageTraces:
    """The traces stored from `begin` to `end` (ms), from at most `max_num` trace messages of each broker.

    Raises NotFoundError when there is none and every broker was asked, AllFailedError.
    """
    found, failures = await admin.messages.query(trace_topic, msg_id, begin=begin, end=end, max_num=max_num)
    report = MessageTraces(msg_id, trace_topic, [], [], len(found) >= max_num, failures)
    begun: dict[str, ConsumeTrace] = {}
    for message in found:
        unreadable = _read(message, msg_id, report, begun)
        if unreadable:
            cause = f"{unreadable} traces in the message {message.offset_msg_id} cannot be read"
            report.failures.append(Failure(trace_topic, cause, "a client of another version may have written them"))
    if not report.sent and not report.consumed and not report.failures:
        raise NotFoundError(
            f"topic '{trace_topic}' has no trace of message '{msg_id}'",
            "give the unique key of the message (msgId); only clients that have tracing on write traces, some seconds "
            "after they sent or consumed",
        )
    report.sent.sort(key=lambda trace: trace.timestamp)
    report.consumed.sort(key=lambda trace: (trace.begin_timestamp or trace.end_timestamp or 0, trace.client_host))
    return report


def _read(message: MessageExt, msg_id: str, report: MessageTraces, begun: dict[str, ConsumeTrace]) -> int:
    """Add the traces of a message to the report; how many contexts could not be read. `begun`: by request id."""
    host = format_address(*message.born_host)
    unreadable = 0
    for context in filter(None, message.body.decode("utf-8", "replace").split(CONTEXT_END)):
        fields = context.rstrip("\n").split(FIELD_END)
        try:
            if fields[0] in _SENT:
                if fields[5] == msg_id:
                    report.sent.append(_sent(fields, host))
            elif fields[0] in ("SubBefore", "SubAfter"):
                before = fields[0] == "SubBefore"
                if fields[5 if before else 2] == msg_id:
                    request_id = fields[4 if before else 1]
                    (_consume_begin if before else _consume_end)(fields, _known(begun, request_id, host, report))
        except (IndexError, ValueError):
            unreadable += 1
    return unreadable


def _known(begun: dict[str, ConsumeTrace], request_id: str, host: str, report: MessageTraces) -> ConsumeTrace:
    """The trace of a consumption, whose begin and end may lie in two messages."""
    trace = begun.get(request_id)
    if trace is None:
        trace = begun[request_id] = ConsumeTrace(group=None, client_host=host)
        report.consumed.append(trace)
    return trace


def _consume_begin(fields: list[str], trace: ConsumeTrace) -> None:
    """SubBefore: time, region, group, request id, message id, retries, keys."""
    trace.begin_timestamp, trace.group, trace.retry_times = int(fields[1]), fields[3], int(fields[6])


def _consume_end(fields: list[str], trace: ConsumeTrace) -> None:
    """SubAfter: request id, message id, cost, success, keys, code; time and group but where AccessChannel is CLOUD."""
    trace.cost_millis, trace.success = int(fields[3]), fields[4] == "true"
    if len(fields) > 6:
        trace.result = _named(_RESULTS, fields[6])
    if len(fields) > 8:
        trace.end_timestamp, trace.group = int(fields[7]), fields[8]
    elif trace.begin_timestamp is not None:
        trace.end_timestamp = trace.begin_timestamp + trace.cost_millis


def _sent(fields: list[str], host: str) -> SendTrace:
    """Time, region, group, topic and message id, which all kinds have; then what this kind has."""
    trace = SendTrace(
        kind=fields[0],
        timestamp=int(fields[1]),
        region=_text(fields[2]),
        group=fields[3],
        topic=fields[4],
        client_host=host,
    )
    _SENT[fields[0]](fields, trace)
    return trace


def _message(fields: list[str], trace: SendTrace) -> None:
    """What follows the message id where the message itself is traced: tags, keys, store host."""
    trace.tags, trace.keys, trace.store_host = map(_text, fields[6:9])


def _published(fields: list[str], trace: SendTrace) -> None:
    """Pub: the message, body length, cost, type; then success, since 4.5 after the offset id, then maybe the host."""
    _message(fields, trace)
    trace.body_length, trace.cost_millis = int(fields[9]), int(fields[10])
    trace.message_type = _named(_MESSAGE_TYPES, fields[11])
    if len(fields) == 13:
        trace.success = fields[12] == "true"
    elif len(fields) > 13:
        trace.offset_msg_id, trace.success = _text(fields[12]), fields[13] == "true"
    if len(fields) > 14:
        trace.client_host = fields[14]


def _ended(fields: list[str], trace: SendTrace) -> None:
    """EndTransaction: the message, type, transaction id, state, from check."""
    _message(fields, trace)
    trace.message_type = _named(_MESSAGE_TYPES, fields[9])
    trace.transaction_id, trace.transaction_state = _text(fields[10]), fields[11]
    trace.from_transaction_check = fields[12] == "true"


def _recalled(fields: list[str], trace: SendTrace) -> None:
    """Recall: success."""
    trace.success = fields[6] == "true"


_SENT: Final = {"Pub": _published, "EndTransaction": _ended, "Recall": _recalled}


def _text(field: str) -> str | None:
    """A field, None where Java wrote a null."""
    return None if field in ("", "null") else field


def _named(names: tuple[str, ...], number: str) -> str:
    """The name of a constant, its number where this version has no name for it."""
    return names[int(number)] if 0 <= int(number) < len(names) else number
