"""The key-value table that `brokerStatus` shows: the store, the delay service and the statistics as they are now.

Every key of Apache's is there. Those of thread pools are constant but for sends that wait for the disk: one event loop
handles everything, so no request waits in a queue. A slave has some keys more: where it replicates from, whether it is
connected there, why it does not replicate, or does without knowing whether its commitlog is the master's (`haProblem`,
empty while all is well), and where the master's commitlog ended when it was asked last, and when that was.

Mirrors AdminBrokerProcessor.prepareRuntimeInfo.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rocketmq_ops.common.sizes import capacity_text, readable_bytes
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.remoting.command import MQ_VERSION

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

VERSION_DESC = "V5_3_3"
#: Key prefix -> key of the configured capacity.
_POOLS = {
    "send": "sendThreadPoolQueueCapacity",
    "pull": "pullThreadPoolQueueCapacity",
    "litePull": "litePullThreadPoolQueueCapacity",
    "query": "queryThreadPoolQueueCapacity",
    "ack": "ackThreadPoolQueueCapacity",
}


def runtime_info(controller: BrokerController) -> dict[str, str]:
    """The table, all values as text."""
    store, stats, config = controller.store, controller.stats, controller.config
    info = store.runtime_info()
    info.update(delay_offsets(controller))
    info.update(
        brokerActive="true",
        brokerVersionDesc=VERSION_DESC,
        brokerVersion=str(MQ_VERSION),
        msgPutTotalYesterdayMorning=str(stats.put_total_yesterday_morning),
        msgPutTotalTodayMorning=str(stats.put_total_today_morning),
        msgPutTotalTodayNow=str(stats.put_total()),
        msgGetTotalYesterdayMorning=str(stats.get_total_yesterday_morning),
        msgGetTotalTodayMorning=str(stats.get_total_today_morning),
        msgGetTotalTodayNow=str(stats.get_total()),
        dispatchBehindBytes=str(store.dispatch_behind_bytes),
        pageCacheLockTimeMills="0",
        earliestMessageTimeStamp=str(store.earliest_store_time()),
        startAcceptSendRequestTimeStamp=str(config.startAcceptSendRequestTimeStamp),
        remainTransientStoreBufferNumbs="2147483647",
        remainHowManyDataToFlush=readable_bytes(max(0, store.max_phy_offset - store.flushed_where)),
        EndTransactionQueueSize="0",
        EndTransactionThreadPoolQueueCapacity=str(config.endTransactionPoolQueueCapacity),
    )
    info.update(controller.timers.runtime_info())
    for pool, capacity in _POOLS.items():
        info[f"{pool}ThreadPoolQueueSize"] = "0"
        info[f"{pool}ThreadPoolQueueCapacity"] = str(getattr(config, capacity))
        info[f"{pool}ThreadPoolQueueHeadWaitTimeMills"] = "0"
    if controller.ha.client is not None:
        info["haMasterAddress"] = controller.master.ha_address or ""
        info["haConnected"] = str(controller.ha.client.is_connected).lower()
        info["haTls"] = str(controller.ha.client.is_secured).lower()
        info["haProblem"] = controller.ha.client.problem or controller.ha.client.not_compared
        if controller.master.log_end is not None:
            end, asked = controller.master.log_end
            info.update(haMasterLogEnd=str(end), haMasterLogEndTimestamp=str(asked))
    info["sendThreadPoolQueueSize"] = str(controller.fast_failure.waiting_sends)
    info["sendThreadPoolQueueHeadWaitTimeMills"] = str(controller.fast_failure.longest_wait_ms)
    if controller.store_config.transientStorePoolEnable:  # only then Apache's has it; nothing waits for a commit here
        info["remainHowManyDataToCommit"] = readable_bytes(0)
    disk = _disk_capacity(controller.store_config.storePathRootDir)
    if disk is not None:
        info["commitLogDirCapacity"] = disk
    return info


def delay_offsets(controller: BrokerController) -> dict[str, str]:
    """`scheduleMessageOffset_LEVEL` -> `delivered,stored` for each level (ScheduleMessageService.buildRunningStats)."""
    return {
        f"scheduleMessageOffset_{level}": f"{offset},{controller.store.max_offset(SCHEDULE_TOPIC, level - 1)}"
        for level, offset in sorted(controller.delay.table.items())
    }


def _disk_capacity(path: str) -> str | None:
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return capacity_text(disk.f_blocks * disk.f_frsize, disk.f_bfree * disk.f_frsize)
