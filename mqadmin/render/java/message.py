"""The queryMsgBy commands and printMsg, as Apache's commands print them.

Apache's tool writes each body to a file below /tmp, which anybody on the machine may have put there before; this one
writes none: `Message Body Path` is `-`, and the body is printed with -f.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import boolean, columns, hash_map_order, or_null
from rocketmq_ops.mqadmin.render.report import body_text
from rocketmq_ops.mqadmin.values import human_time

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.client import DirectResult
    from rocketmq_ops.client.admin.messages.message_results import (
        FoundMessage,
        MessageView,
        QueryReport,
        QueueScan,
        ScanReport,
    )
    from rocketmq_ops.mqadmin.commands.message.query_msg_by_id import ByIdReport
    from rocketmq_ops.mqadmin.commands.message.query_msg_by_key import KeyQueryReport
    from rocketmq_ops.mqadmin.commands.message.query_msg_by_unique_key import UniqueKeyReport

#: MessageDecoder.string2properties makes its map with this capacity.
_PROPERTIES = 128
_KEYED = "%-50s %4s %40s"
_RULE = "-" * 56


def query_msg_by_key(data: KeyQueryReport, options: Mapping[str, Any]) -> str:
    """A line for each message."""
    lines = [columns(_KEYED, "#Message ID", "#QID", "#Offset")]
    lines += [columns(_KEYED, m.msg_id, m.queue_id, m.queue_offset) for m in (found.message for found in data.messages)]
    return "".join(lines)


def query_msg_by_offset(data: QueryReport, options: Mapping[str, Any]) -> str:
    """The message and its tracks."""
    return "".join(_message(found, options["body_format"]) for found in data.messages)


def query_msg_by_id(data: ByIdReport, options: Mapping[str, Any]) -> str:
    """The messages and their tracks; with -g what the consumer answered, with -s what became of sending it."""
    if data.consumed:
        return "".join(_consumed(result) for result in data.consumed)
    if data.sent:
        lines = []
        for found, sent in zip(data.messages, data.sent, strict=False):
            queue = (
                f"MessageQueue [topic={found.message.topic}, brokerName={sent.broker_name}, queueId={sent.queue_id}]"
            )
            lines.append(
                f"prepare resend msg. originalMsgId={found.message.offset_msg_id}SendResult [sendStatus="
                f"{sent.send_status}, msgId={sent.msg_id}, offsetMsgId={sent.offset_msg_id}, messageQueue={queue}, "
                f"queueOffset={sent.queue_offset}, recallHandle=null]"
            )
        return "".join(lines)
    return "".join(_message(found, options["body_format"]) for found in data.messages)


def query_msg_by_unique_key(data: UniqueKeyReport, options: Mapping[str, Any]) -> str:
    """The messages and their tracks, without OffsetID and with nothing between tracks, as Apache prints them here."""
    if data.consumed:
        return "".join(_consumed(result) for result in data.consumed)
    return "".join(_fields(found.message) + _tracks(found, "") for found in data.messages)


def print_msg(data: ScanReport, options: Mapping[str, Any]) -> str:
    """Queue by queue."""
    lines = []
    for scan in data.queues:
        queue = f"MessageQueue [topic={scan.topic}, brokerName={scan.broker_name}, queueId={scan.queue_id}]"
        lines.append(f"minOffset={scan.begin_offset}, maxOffset={scan.end_offset}, {queue}\n")
        place = (scan.broker_name, scan.queue_id)
        lines += [
            _line(m, scan, options["print_body"] is not False)
            for m in data.messages
            if (m.broker_name, m.queue_id) == place
        ]
        lines.append(_RULE + "\n")
    return "".join(lines)


def _message(found: FoundMessage, body_format: str | None) -> str:
    body = "" if body_format is None else f"{'Message Body:':<20} {body_text(found.message)}\n"
    return f"{'OffsetID:':<20} {found.message.offset_msg_id}\n" + _fields(found.message) + body + _tracks(found, "\n")


def _fields(m: MessageView) -> str:
    fields = (
        ("Topic:", m.topic),
        ("Tags:", f"[{or_null(m.tags)}]"),
        ("Keys:", f"[{or_null(m.properties.get('KEYS'))}]"),
        ("Queue ID:", m.queue_id),
        ("Queue Offset:", m.queue_offset),
        ("CommitLog Offset:", m.commit_log_offset),
        ("Reconsume Times:", m.reconsume_times),
        ("Born Timestamp:", human_time(m.born_timestamp)),
        ("Store Timestamp:", human_time(m.store_timestamp)),
        ("Born Host:", m.born_host),
        ("Store Host:", m.store_host),
        ("System Flag:", m.sys_flag),
        ("Properties:", _properties(m.properties)),
        ("Message Body Path:", "-"),
    )
    return "".join(f"{name:<20} {value}\n" for name, value in fields)


def _tracks(found: FoundMessage, end: str) -> str:
    if found.tracks is None:
        return ""
    if not found.tracks:
        return "\n\nWARN: No Consumer"
    about = ((t.consumer_group, t.track_type, or_null(t.detail)) for t in found.tracks)
    tracks = (f"MessageTrack [consumerGroup={g}, trackType={kind}, exceptionDesc={d}]{end}" for g, kind, d in about)
    return "\n\n" + "".join(tracks)


def _properties(properties: dict[str, str]) -> str:
    named = (f"{name}={properties[name]}" for name in hash_map_order(properties, _PROPERTIES))
    return f"{{{', '.join(named)}}}"


def _consumed(result: DirectResult) -> str:
    return (
        f"ConsumeMessageDirectlyResult [order={boolean(result.order)}, autoCommit={boolean(result.auto_commit)}, "
        f"consumeResult={or_null(result.consume_result)}, remark={or_null(result.remark)}, "
        f"spentTimeMills={or_null(result.spent_time_millis)}]"
    )


def _line(m: MessageView, scan: QueueScan, with_body: bool) -> str:
    """A message with the two properties that Apache's client adds to what it pulls."""
    pulled = {**m.properties, "MIN_OFFSET": str(scan.min_offset), "MAX_OFFSET": str(scan.max_offset)}
    body = m.body.encode() if m.body is not None else base64.b64decode(m.body_base64 or "")
    text = body_text(m) if with_body else "NOT PRINT BODY"
    return (
        f"MSGID: {m.msg_id} MessageExt [brokerName={or_null(m.broker_name)}, queueId={m.queue_id}, "
        f"storeSize={m.store_size}, queueOffset={m.queue_offset}, sysFlag={m.sys_flag}, "
        f"bornTimestamp={m.born_timestamp}, bornHost=/{m.born_host}, storeTimestamp={m.store_timestamp}, "
        f"storeHost=/{m.store_host}, msgId={m.offset_msg_id}, commitLogOffset={m.commit_log_offset}, "
        f"bodyCRC={m.body_crc}, reconsumeTimes={m.reconsume_times}, "
        f"preparedTransactionOffset={m.prepared_transaction_offset}, toString()=Message{{topic='{m.topic}', "
        f"flag={m.flag}, properties={_properties(pulled)}, body=[{', '.join(map(_signed, body))}], "
        f"transactionId='null'}}] BODY: {text}\n"
    )


def _signed(byte: int) -> str:
    """A Java byte."""
    return str(byte - 256 if byte > 127 else byte)
