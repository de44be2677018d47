"""The metrics that Apache's rocketmq-exporter has too, under its names and labels, so that its dashboards work.

Mirrors RMQMetricsCollector and BrokerRuntimeStats. What the prober does not ask for is not here: offsets and rates by
topic, and figures of clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.sizes import bytes_of, capacity_of
from rocketmq_ops.common.topics import is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.housekeeping.probe.report import BrokerFigures, GroupState

#: Name, help, labels, value.
Sample = tuple[str, str, list[tuple[str, str]], float]

#: Metric below `rocketmq_brokeruntime_` -> the broker's figure, and which of its several numbers.
RUNTIME: Final[dict[str, tuple[str, int]]] = {
    "commitlog_disk_ratio": ("commitLogDiskRatio", 0),
    "commitlog_maxoffset": ("commitLogMaxOffset", 0),
    "commitlog_minoffset": ("commitLogMinOffset", 0),
    "consumequeue_disk_ratio": ("consumeQueueDiskRatio", 0),
    "dispatch_behind_bytes": ("dispatchBehindBytes", 0),
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
    "msg_gettotal_today_now": ("msgGetTotalTodayNow", 0),
    "msg_gettotal_todaymorning": ("msgGetTotalTodayMorning", 0),
    "msg_gettotal_yesterdaymorning": ("msgGetTotalYesterdayMorning", 0),
    "msg_put_total_today_now": ("msgPutTotalTodayNow", 0),
    "msg_puttotal_todaymorning": ("msgPutTotalTodayMorning", 0),
    "msg_puttotal_yesterdaymorning": ("msgPutTotalYesterdayMorning", 0),
    "pagecache_lock_time_mills": ("pageCacheLockTimeMills", 0),
    "pull_threadpoolqueue_capacity": ("pullThreadPoolQueueCapacity", 0),
    "pull_threadpoolqueue_headwait_timemills": ("pullThreadPoolQueueHeadWaitTimeMills", 0),
    "pull_threadpoolqueue_size": ("pullThreadPoolQueueSize", 0),
    "put_latency_99": ("putLatency99", 0),
    "put_latency_999": ("putLatency999", 0),
    "put_message_average_size": ("putMessageAverageSize", 0),
    "put_message_size_total": ("putMessageSizeTotal", 0),
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
    "send_threadpoolqueue_headwait_timemills": ("sendThreadPoolQueueHeadWaitTimeMills", 0),
    "start_accept_sendrequest_time": ("startAcceptSendRequestTimeStamp", 0),
}
#: The same -> the step of `putMessageDistributeTime`: how many messages took so long to be put, in about a minute.
STEPS: Final = {
    "pmdt_0ms": "[<=0ms]",
    "pmdt_0to10ms": "[0~10ms]",
    "pmdt_10to50ms": "[10~50ms]",
    "pmdt_50to100ms": "[50~100ms]",
    "pmdt_100to200ms": "[100~200ms]",
    "pmdt_200to500ms": "[200~500ms]",
    "pmdt_500to1s": "[500ms~1s]",
    "pmdt_1to2s": "[1~2s]",
    "pmdt_2to3s": "[2~3s]",
    "pmdt_3to4s": "[3~4s]",
    "pmdt_4to5s": "[4~5s]",
    "pmdt_5to10s": "[5~10s]",
    "pmdt_10stomore": "[10s~]",
}
_STEPS: Final = "putMessageDistributeTime"
#: Of 5.x, which spells it otherwise.
_ALSO: Final = {"getTransferedTps": "getTransferredTps"}
#: A group with offsets at the brokers consumes in clustering mode: the exporter writes the mode's place among the two.
_CLUSTERING: Final = "1"


def samples_of_brokers(brokers: Iterable[BrokerFigures]) -> Iterator[Sample]:
    """The figures of masters, and how many bytes of the commitlog each slave lacks: a slave has no others there."""
    masters: dict[tuple[str, str], float | None] = {}
    every = list(brokers)
    for broker in every:
        if broker.broker_id == MASTER_ID:
            masters[broker.cluster, broker.broker] = _number(broker.figures.get("commitLogMaxOffset"), 0)
            yield from _of_master(broker)
    for broker in every:
        name = broker.broker.rpartition("#")[0]
        if broker.broker_id == MASTER_ID:
            continue
        ahead, there = masters.get((broker.cluster, name)), _number(broker.figures.get("commitLogMaxOffset"), 0)
        if ahead is not None and there is not None:
            labels = [("cluster", broker.cluster), ("brokerIP", broker.address), ("broker", name)]
            yield "rocketmq_broker_commitlog_diff", "Bytes of the commitlog that a slave lacks", labels, ahead - there


def _of_master(broker: BrokerFigures) -> Iterator[Sample]:
    figures = broker.figures
    labels = [
        ("cluster", broker.cluster),
        ("brokerIP", broker.address),
        ("brokerHost", broker.broker),
        ("des", figures.get("brokerVersionDesc", "")),
        ("boottime", figures.get("bootTimestamp", "")),
        ("broker_version", figures.get("brokerVersion", "")),
    ]
    for name, key, value in _runtime(figures):
        if value is not None:
            yield f"rocketmq_brokeruntime_{name}", f"The broker's figure {key}", labels, value
    nums = [("cluster", broker.cluster), ("brokerIP", broker.address), ("broker", broker.broker)]
    for name, key, what in (("tps", "putTps", "put"), ("qps", "getTransferedTps", "got")):
        value = _number(_text(figures, key), 1)
        if value is not None:
            yield f"rocketmq_broker_{name}", f"Messages that are {what} a second, of the last minute", nums, value


def _runtime(figures: dict[str, str]) -> Iterator[tuple[str, str, float | None]]:
    """Metric below `rocketmq_brokeruntime_`, the figure that it is from, and its value; bytes where it has a unit."""
    for name, (key, place) in RUNTIME.items():
        yield name, key, _number(_text(figures, key), place)
    steps = dict(part.split(":", 1) for part in figures.get(_STEPS, "").split() if ":" in part)
    for name, step in STEPS.items():
        yield name, _STEPS, _number(steps.get(step), 0)
    total, free = capacity_of(figures.get("commitLogDirCapacity", "")) or (None, None)
    yield "commitlogdir_capacity_total", "commitLogDirCapacity", total
    yield "commitlogdir_capacity_free", "commitLogDirCapacity", free
    yield (
        "remain_howmanydata_toflush",
        "remainHowManyDataToFlush",
        bytes_of(figures.get("remainHowManyDataToFlush", "")),
    )


def samples_of_group(group: GroupState) -> Iterator[Sample]:
    """The lag of a group on each topic, in messages. A lag that is not known has no sample."""
    for topic, lag in group.topics.items():
        if lag is None:
            continue
        name = "rocketmq_group_retrydiff" if is_retry_topic(topic) else "rocketmq_group_diff"
        online = "" if group.members is None else str(group.members)
        labels = [("group", group.group), ("topic", topic), ("countOfOnlineConsumers", online)]
        yield name, "Messages that the group has not consumed", [*labels, ("msgModel", _CLUSTERING)], lag


def _text(figures: dict[str, str], key: str) -> str | None:
    return figures.get(key) or figures.get(_ALSO.get(key, ""))


def _number(text: str | None, place: int) -> float | None:
    try:
        return float((text or "").split()[place])
    except (IndexError, ValueError):
        return None
