"""The metrics that Apache's rocketmq-exporter has too, under its names and labels, so that its dashboards work.

Mirrors RMQMetricsCollector. What the prober does not ask for is not here: rates by topic, and figures of clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.topics import is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.housekeeping.probe.report import BrokerFigures, GroupState

#: Name, help, labels, value.
Sample = tuple[str, str, list[tuple[str, str]], float]

#: Metric below `rocketmq_brokeruntime_` -> the broker's figure, and which of its several numbers.
RUNTIME: Final[dict[str, tuple[str, int]]] = {
    "commitlog_disk_ratio": ("commitLogDiskRatio", 0),
    "consumequeue_disk_ratio": ("consumeQueueDiskRatio", 0),
    "dispatch_maxbuffer": ("dispatchMaxBuffer", 0),
    "earliest_message_timestamp": ("earliestMessageTimeStamp", 0),
    "getfound_tps10": ("getFoundTps", 0),
    "getfound_tps60": ("getFoundTps", 1),
    "getfound_tps600": ("getFoundTps", 2),
    "getmessage_entire_time_max": ("getMessageEntireTimeMax", 0),
    "getmiss_tps10": ("getMissTps", 0),
    "getmiss_tps60": ("getMissTps", 1),
    "getmiss_tps600": ("getMissTps", 2),
    "gettotal_tps10": ("getTotalTps", 0),
    "gettotal_tps60": ("getTotalTps", 1),
    "gettotal_tps600": ("getTotalTps", 2),
    "gettransfered_tps10": ("getTransferedTps", 0),
    "gettransfered_tps60": ("getTransferedTps", 1),
    "gettransfered_tps600": ("getTransferedTps", 2),
    "pagecache_lock_time_mills": ("pageCacheLockTimeMills", 0),
    "pull_threadpoolqueue_capacity": ("pullThreadPoolQueueCapacity", 0),
    "pull_threadpoolqueue_headwait_timemills": ("pullThreadPoolQueueHeadWaitTimeMills", 0),
    "pull_threadpoolqueue_size": ("pullThreadPoolQueueSize", 0),
    "put_message_average_size": ("putMessageAverageSize", 0),
    "put_tps10": ("putTps", 0),
    "put_tps60": ("putTps", 1),
    "put_tps600": ("putTps", 2),
    "putmessage_entire_time_max": ("putMessageEntireTimeMax", 0),
    "putmessage_times_total": ("putMessageTimesTotal", 0),
    "query_threadpool_queue_capacity": ("queryThreadPoolQueueCapacity", 0),
    "query_threadpoolqueue_headwait_timemills": ("queryThreadPoolQueueHeadWaitTimeMills", 0),
    "query_threadpoolqueue_size": ("queryThreadPoolQueueSize", 0),
    "remain_transientstore_buffer_numbs": ("remainTransientStoreBufferNumbs", 0),
    "send_threadpool_queue_size": ("sendThreadPoolQueueSize", 0),
    "send_threadpoolqueue_capacity": ("sendThreadPoolQueueCapacity", 0),
    "start_accept_sendrequest_time": ("startAcceptSendRequestTimeStamp", 0),
}
#: Of 5.x, which spells it otherwise.
_ALSO: Final = {"getTransferedTps": "getTransferredTps"}


def samples_of_broker(broker: BrokerFigures) -> Iterator[Sample]:
    """The figures of a broker."""
    figures = broker.figures
    runtime = [
        ("cluster", broker.cluster),
        ("brokerIP", broker.address),
        ("brokerHost", broker.broker),
        ("des", figures.get("brokerVersionDesc", "")),
        ("boottime", figures.get("bootTimestamp", "")),
        ("broker_version", figures.get("brokerVersion", "")),
    ]
    for name, (key, place) in RUNTIME.items():
        value = _number(figures.get(key) or figures.get(_ALSO.get(key, "")), place)
        if value is not None:
            yield f"rocketmq_brokeruntime_{name}", f"The broker's figure {key}", runtime, value
    nums = [("cluster", broker.cluster), ("brokerIP", broker.address), ("broker", broker.broker)]
    for name, key, what in (("tps", "putTps", "put"), ("qps", "getTransferedTps", "got")):
        value = _number(figures.get(key) or figures.get(_ALSO.get(key, "")), 1)
        if value is not None:
            yield f"rocketmq_broker_{name}", f"Messages that are {what} a second, of the last minute", nums, value


def samples_of_group(group: GroupState) -> Iterator[Sample]:
    """The lag of a group on each topic, in messages. A lag that is not known has no sample."""
    for topic, lag in group.topics.items():
        if lag is None:
            continue
        name = "rocketmq_group_retrydiff" if is_retry_topic(topic) else "rocketmq_group_diff"
        online = "" if group.members is None else str(group.members)
        labels = [("group", group.group), ("topic", topic), ("countOfOnlineConsumers", online), ("msgModel", "")]
        yield name, "Messages that the group has not consumed", labels, lag


def _number(text: str | None, place: int) -> float | None:
    try:
        return float((text or "").split()[place])
    except (IndexError, ValueError):
        return None
