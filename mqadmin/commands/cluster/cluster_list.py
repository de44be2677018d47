"""`mqadmin clusterList`: clusters and brokers with version, load and disk."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.cluster import BrokerLoad, ClusterList
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import ClusterName, Interval
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run

_BASE = [
    *("#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)"),
    *("#Timer(Progress)", "#PCWait(ms)", "#Hour", "#SPACE", "#ACTIVATED"),
]
_MORE = ["#Cluster Name", "#Broker Name", "#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday"]


@command(result=ClusterList, rows="brokers", name="address", java="cluster", example="mqadmin clusterList")
async def cluster_list(
    run: Run,
    more_stats: Annotated[bool, Opt("-m", "--moreStats", help="show totals of yesterday and today")] = False,
    interval: Interval | None = None,
    cluster_name: Annotated[ClusterName | None, "only this cluster"] = None,
) -> Outcome:
    """A broker that does not answer is listed with unknown figures. With -i it goes on until Ctrl-C."""
    async with run.admin() as admin:

        async def once() -> Outcome:
            found = await admin.cluster.listing(cluster_name)
            return Outcome(
                data=found,
                blocks=[_more(found.brokers) if more_stats else _base(found.brokers)],
                status=status(found.failures, empty=not found.brokers),
                errors=list(found.failures),
                notes=[] if found.brokers else ["the name server knows no broker"],
            )

        return await repeated(run, interval, once)


def _more(brokers: list[BrokerLoad]) -> Table:
    rows = [
        [b.cluster, b.broker_name, b.in_total_yesterday, b.out_total_yesterday, b.in_total_today, b.out_total_today]
        for b in brokers
    ]
    return Table(_MORE, [list(row) for row in rows]).widen(brokers, "broker_id", "address", "version", "active")


def _base(brokers: list[BrokerLoad]) -> Table:
    table = Table(_BASE, [])
    for b in brokers:
        table.rows.append(
            [
                b.cluster,
                b.broker_name,
                b.broker_id,
                b.address,
                b.version,
                _rate(b.in_tps, (b.send_queue_size, b.send_queue_wait_ms)),
                _rate(b.out_tps, (b.pull_queue_size, b.pull_queue_wait_ms), (b.ack_queue_size, b.ack_queue_wait_ms)),
                _timer(b),
                b.page_cache_lock_ms,
                None if b.hours_kept is None else f"{b.hours_kept:.2f}",
                None if b.commit_log_disk_ratio is None else f"{b.commit_log_disk_ratio:.4f}",
                b.active,
            ]
        )
    return table.widen(
        brokers,
        "in_total_yesterday",
        "out_total_yesterday",
        "in_total_today",
        "out_total_today",
        "earliest_message_timestamp",
    )


def _rate(tps: float | None, *loads: tuple[int | None, int | None]) -> str | None:
    if tps is None:
        return None
    parts = [f"{'N' if size is None else size},{'N' if wait is None else wait}ms" for size, wait in loads]
    return f"{tps:.2f}({'|'.join(parts)})"


def _timer(b: BrokerLoad) -> str | None:
    if b.timer_read_behind is None or b.timer_offset_behind is None:
        return None
    congest = (b.timer_congest_num or 0) / 10000
    rates = f"{b.timer_enqueue_tps or 0:.1f}, {b.timer_dequeue_tps or 0:.1f}"
    return f"{b.timer_read_behind}-{b.timer_offset_behind}({congest:.1f}w, {rates})"
