"""brokerStatus, brokerConsumeStats and getBrokerConfig, as Apache's broker commands print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import columns, front, seconds

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import RuntimeReport
    from rocketmq_ops.client.admin.brokers.config import ConfigReport
    from rocketmq_ops.client.admin.brokers.stats import BrokerConsumeStats

_CONSUMED = "%-64s  %-64s  %-32s  %-4s  %-20s  %-20s  %-20s  %s"


def broker_status(data: RuntimeReport, options: Mapping[str, Any]) -> str:
    """A line for each figure; with -c it begins with the broker's address."""
    lines = []
    for broker in data.brokers:
        prefix = "" if options["broker_addr"] is not None else f"{broker.broker.address:<24} "
        figures = broker.figures or {}
        lines += [f"{prefix}{name:<32}: {figures[name]}\n" for name in sorted(figures)]
    return "".join(lines)


def broker_consume_stats(data: BrokerConsumeStats, options: Mapping[str, Any]) -> str:
    """A line for each queue of which something was consumed."""
    heads = ("#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime")
    lines = [columns(_CONSUMED, *heads)]
    for q in data.queues:
        if q.last_timestamp:
            names = (front(q.topic, 64), q.group, front(q.broker_name, 32), q.queue_id)
            last = seconds(q.last_timestamp)
            lines.append(columns(_CONSUMED, *names, q.broker_offset, q.consumer_offset, q.diff, last))
    return "".join([*lines, f"\nDiff Total: {data.total_diff}\n"])


def get_broker_config(data: ConfigReport, options: Mapping[str, Any]) -> str:
    """The keys of each broker under a line with its address."""
    lines = []
    for server in data.servers:
        head = server.address
        if options["broker_addr"] is None:
            slave = f"My Master: {server.master}=====Slave: {server.address}"
            head = slave if server.broker_id else f"Master: {server.address}"
        lines.append(f"============{head}============\n")
        if server.config is not None:
            lines += [f"{key:<50}=  {value}\n" for key, value in server.config.items()]
            lines.append("\n")
    return "".join(lines)
