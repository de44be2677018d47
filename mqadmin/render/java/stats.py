"""statsAll, as Apache's StatsAllSubCommand prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import columns, fixed, front

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.stats import StatsListing

_ROW = "%-64s  %-64s %12s %11s %11s %14s %14s"


def stats_all(data: StatsListing, options: Mapping[str, Any]) -> str:
    """A line for each topic and group."""
    heads = ("#Topic", "#Consumer Group", "#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour")
    lines = [columns(_ROW, *heads)]
    for s in data.stats:
        topic, in_tps = front(s.topic, 64), fixed(s.in_tps, 2)
        if s.group is None:
            lines.append(columns(_ROW, topic, "", 0, in_tps, "", s.in_msg24_hour, "NO_CONSUMER"))
        else:
            figures = (s.accumulation, in_tps, fixed(s.out_tps, 2), s.in_msg24_hour, s.out_msg24_hour)
            lines.append(columns(_ROW, topic, front(s.group, 64), *figures))
    return "".join(lines)
