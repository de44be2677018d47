"""How a probe of sending looks: a row for each message, then the times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.messages.message_probe import SendProbe, SendTimes


def probe_outcome(found: SendProbe) -> Outcome:
    """A plan says what would be sent where; else each send with its result and its time in ms."""
    notes = []
    if found.creates_topic:
        notes.append(f"topic '{found.topic}' is not there: the broker creates it where autoCreateTopicEnable allows it")
    if found.planned:
        line = (
            f"would send {plural(found.amount, 'message', 'messages')} of {found.size} bytes to topic {found.topic} "
            f"on {', '.join(found.brokers)}"
        )
        return Outcome(data=found, blocks=[line], status="planned", notes=notes)
    table = Table(["#Broker Name", "#QID", "#Send Result", "#RT", "#MsgId"], [])
    for send in found.sends:
        row: list[Cell] = [send.broker_name, send.queue_id, send.send_status or "failed", f"{send.rt_ms:.2f}"]
        table.rows.append([*row, send.msg_id or ""])
    unsent = found.amount - len(found.sends)
    if unsent:
        notes.append(f"{plural(unsent, 'message was', 'messages were')} not sent in the end, after failures in a row")
    weaker = sorted({send.send_status for send in found.sends} - {None, "SEND_OK"}, key=str)
    if weaker:
        notes.append(
            f"some were stored with {', '.join(map(str, weaker))}: less safely than the broker is configured for"
        )
    return Outcome(
        data=found,
        blocks=[table, f"Avg RT: {average(found.times)}"],
        status=status(found.failures),
        errors=list(found.failures),
        notes=notes,
    )


def average(times: SendTimes | None) -> str:
    """The average with two digits, as Apache's tool prints it; a single message has none, as it is not counted."""
    return "unknown" if times is None else f"{times.average_ms:.2f}"
