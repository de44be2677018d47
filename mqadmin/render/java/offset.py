"""resetOffsetByTime, as Apache's ResetOffsetByTimeCommand prints it for brokers of 5.0 and later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import boolean, columns, front
from rocketmq_ops.mqadmin.render.output import UNKNOWN

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.offsets.offset import ResetReport

_ROW = "%-40s  %-40s  %-40s"


def reset_offset_by_time(data: ResetReport, options: Mapping[str, Any]) -> str:
    """The offset that each queue was set to. timestamp(string) is in ms whatever the form in which it was given."""
    group, at = f"group[{data.group}], topic[{data.topic}]", f"timestamp(string)[{data.timestamp}]"
    at += f", timestamp(long)[{data.timestamp}]\n"
    start = "start reset consumer offset by specified, "
    if options["queue"] is not None:
        target = data.queues[0].target if data.queues else None
        where = f"queueId[{options['queue']}], broker[{options['broker']}]"
        return f"{start}{group}, {where}, {at}reset consumer offset to {UNKNOWN if target is None else target}\n"
    lines = [f"{start}{group}, force[{boolean(options['force'] is not False)}], {at}"]
    lines.append(columns(_ROW, "#brokerName", "#queueId", "#offset"))
    lines += [columns(_ROW, front(q.broker_name, 32), q.queue_id, q.target) for q in data.queues]
    return "".join(lines)
