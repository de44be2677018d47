"""consumerProgress, as Apache's ConsumerProgressSubCommand prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import columns, fixed, front, seconds
from rocketmq_ops.mqadmin.render.output import UNKNOWN
from rocketmq_ops.remoting.bodies.enums import CONSUME_ACTIVELY, CONSUME_PASSIVELY

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.group import ConsumerProgress, GroupProgress, GroupSummary, QueueProgress

_GROUP = "%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s"


def consumer_progress(data: ConsumerProgress, options: Mapping[str, Any]) -> str:
    """All groups, or with -g the queues of one. An offset beyond the end has a negative #Diff, as Apache counts it."""
    if data.group is not None:
        return _queues(data.group, bool(options["show_client_ip"]))
    heads = ("#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total")
    return columns(_GROUP, *heads) + "".join(_group(group) for group in data.groups)


def _group(g: GroupSummary) -> str:
    kind = model = ""
    if g.count != 0:
        kind = "PULL" if g.consume_type == CONSUME_ACTIVELY else "PUSH"
        model = (g.message_model or "") if g.consume_type == CONSUME_PASSIVELY else ""
    version = "OFFLINE" if g.count == 0 else g.version
    tps = None if g.consume_tps is None else int(g.consume_tps)
    return columns(_GROUP, front(g.group, 64), g.count, version, kind, model, tps, g.lag_total)


def _queues(found: GroupProgress, show_client: bool) -> str:
    start, end = "%-64s  %-32s  %-4s  %-20s  %-20s  ", "%-20s %-20s"
    client = "%-20s " if show_client else ""
    heads = ["#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset"]
    heads += ["#Client IP"] if show_client else []
    lines = [columns(start + client + end + "%s", *heads, "#Diff", "#Inflight", "#LastTime")]
    for q in found.queues:
        cells = [front(q.topic, 64), front(q.broker_name, 32), q.queue_id, q.broker_offset, q.consumer_offset]
        cells += [q.client_ip or "N/A"] if show_client else []
        lines.append(columns(start + client + end + " %s", *cells, _diff(q), q.inflight, seconds(q.last_timestamp)))
    diffs = [_diff(q) for q in found.queues]
    known = [diff for diff in diffs if diff is not None]
    whole = len(known) == len(diffs) and not found.failures
    return "".join(
        [
            *lines,
            "\n",
            f"Consume TPS: {fixed(found.consume_tps, 2)}\n",
            f"Consume Diff Total: {sum(known) if whole else UNKNOWN}\n",
            f"Consume Inflight Total: {UNKNOWN if found.inflight_total is None else found.inflight_total}\n",
        ]
    )


def _diff(q: QueueProgress) -> int | None:
    if q.broker_offset is None or q.consumer_offset is None:
        return None
    return q.broker_offset - q.consumer_offset
