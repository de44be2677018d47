"""clusterList, as Apache's ClusterListSubCommand prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import columns, fixed

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerLoad, ClusterList

_BASE = "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %-11s  %-12s  %-8s  %-10s"
_ROW = "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s"
_MORE = "%-16s  %-32s %14s %14s %14s %14s"


def cluster_list(data: ClusterList, options: Mapping[str, Any]) -> str:
    """A line for each broker; with -m its totals."""
    if options["more_stats"]:
        names = ("#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday")
        lines = [columns(_MORE, "#Cluster Name", "#Broker Name", *names)]
        for b in data.brokers:
            totals = (b.in_total_yesterday, b.out_total_yesterday, b.in_total_today, b.out_total_today)
            lines.append(columns(_MORE, b.cluster, b.broker_name, *totals))
        return "".join(lines)
    heads = ("#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)")
    more = ("#Timer(Progress)", "#PCWait(ms)", "#Hour", "#SPACE", "#ACTIVATED")
    return columns(_BASE, *heads, *more) + "".join(_base_line(broker) for broker in data.brokers)


def _base_line(b: BrokerLoad) -> str:
    send = (b.send_queue_size, b.send_queue_wait_ms)
    pull, ack = (b.pull_queue_size, b.pull_queue_wait_ms), (b.ack_queue_size, b.ack_queue_wait_ms)
    answered = b.version is not None
    return columns(
        _ROW,
        b.cluster,
        b.broker_name,
        b.broker_id,
        b.address,
        b.version,
        _rate(b.in_tps, send),
        _rate(b.out_tps, pull, ack),
        _timer(b) if answered else None,
        b.page_cache_lock_ms,
        # A broker that has not stored anything reports no time.
        fixed(b.hours_kept or 0.0, 2) if answered else None,
        fixed(b.commit_log_disk_ratio or 0.0, 4) if answered else None,
        None if b.active is None else str(b.active).lower(),
    )


def _rate(tps: float | None, *loads: tuple[int | None, int | None]) -> str | None:
    if tps is None:
        return None
    parts = [f"{'N' if size is None else size},{'N' if wait is None else wait}ms" for size, wait in loads]
    return f"{fixed(tps, 2):>9}({'|'.join(parts)})"


def _timer(b: BrokerLoad) -> str:
    """Zeros for a broker without timers (before 5.0), as Apache's tool prints them."""
    congest = fixed((b.timer_congest_num or 0) / 10000, 1)
    rates = f"{fixed(b.timer_enqueue_tps or 0.0, 1)}, {fixed(b.timer_dequeue_tps or 0.0, 1)}"
    return f"{b.timer_read_behind or 0}-{b.timer_offset_behind or 0}({congest}w, {rates})"
