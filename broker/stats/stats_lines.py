"""The lines of `stats.log`: once a minute what every topic and group did, as Apache's broker writes it or as objects.

In `text` there is a line for each statistic, in the words of StatsItem.printAtMinutes, printAtHour and printAtDay, and
of MomentStatsItem: of the last minute each minute, of the last hour and day when one has ended on the local clock, of
how far each group's reads are behind every five minutes. In `json` there is a line each minute for each topic and one
for each topic of a group, with all its figures. Nothing is done without log files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.broker.processors.slices import in_slices
from rocketmq_ops.broker.stats.broker_stats import (
    GROUP_GET_NUMS,
    GROUP_GET_SIZE,
    SNDBCK_PUT_NUMS,
    TOPIC_PUT_NUMS,
    TOPIC_PUT_SIZE,
)
from rocketmq_ops.broker.stats.fall_behind import (
    GROUP_GET_FALL_SIZE,
    GROUP_GET_FALL_TIME,
    bytes_behind,
    ms_behind,
    pulled_queues,
)
from rocketmq_ops.broker.stats.stats_item import Rate, StatsItem, compute_rate
from rocketmq_ops.broker.stats.water_marks import INTERVAL_MS, write_water_marks
from rocketmq_ops.common.javatypes import fixed_text
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.common.topics import topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

MINUTE_MS: Final = 60_000
FALLS_MS: Final = 5 * MINUTE_MS
MINUTE, HOUR, DAY = "Minute", "Hour", "Day"


class StatsLines:
    """Writes the lines of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._writing = False
        self._written_ms = controller.clock()
        self._jobs = PeriodicJobs()

    def start(self) -> None:
        """Write at each full minute from now on, where the broker has log files, and its water marks each second."""
        controller = self._controller
        if controller.config.logDir:
            clock = controller.clock
            self._jobs.every("water marks", lambda: INTERVAL_MS, lambda: write_water_marks(controller))
            self._jobs.every("statistics", lambda: MINUTE_MS - clock() % MINUTE_MS, self._begin)

    def stop(self) -> None:
        """Write no more."""
        self._jobs.stop()

    def _begin(self) -> None:
        now = self._controller.clock()
        # A timer that is early by a part of a ms comes again at the full minute.
        if not self._writing and now // MINUTE_MS != self._written_ms // MINUTE_MS:
            self._writing = True
            run_later(self._write(), "statistics")

    async def _write(self) -> None:
        try:
            await self.write()
        finally:
            self._writing = False

    async def write(self) -> None:
        """Write a minute's lines, and those of what has ended since they were written before, in slices."""
        before, self._written_ms = self._written_ms, self._controller.clock()
        if self._controller.config.logFormat == "json":
            lines = self._objects()
        else:
            lines = self._text_lines(before, self._written_ms)
        await in_slices(lines, lambda line: log.info("%s", line[0], extra={"fields": line[1]}))

    def _text_lines(self, before_ms: int, now_ms: int) -> Iterator[tuple[str, dict[str, Any]]]:
        before, now = time.localtime(before_ms / 1000), time.localtime(now_ms / 1000)
        ended = [MINUTE, *([HOUR] if before[:4] != now[:4] else []), *([DAY] if before[:3] != now[:3] else [])]
        for name, key, item in self._items():
            for period in ended:
                yield statistics_line(name, key, item, period), {}
        if before_ms // FALLS_MS != now_ms // FALLS_MS and self._controller.store_config.diskFallRecorded:
            for group, topic, queue_id, offset in pulled_queues(self._controller):
                key = f"{queue_id}@{topic_at_group(topic, group)}"
                place = self._controller, topic, queue_id, offset
                yield moment_line(GROUP_GET_FALL_SIZE, key, bytes_behind(*place)), {}
                yield moment_line(GROUP_GET_FALL_TIME, key, ms_behind(*place)), {}

    def _items(self) -> Iterator[tuple[str, str, StatsItem]]:
        """Name, key and counter of each statistic that is not idle."""
        stats = self._controller.stats
        for topic, item in list(stats.topics.items()):
            if not stats.is_idle(item):
                yield TOPIC_PUT_NUMS, topic, item
                yield TOPIC_PUT_SIZE, topic, item
        for (group, topic), got in list(stats.groups.items()):
            if not stats.is_idle(got):
                yield GROUP_GET_NUMS, topic_at_group(topic, group), got
                yield GROUP_GET_SIZE, topic_at_group(topic, group), got
        for (group, topic), back in list(stats.send_backs.items()):
            if not stats.is_idle(back):
                yield SNDBCK_PUT_NUMS, topic_at_group(topic, group), back
        for name, total in stats.totals.items():
            yield name, self._controller.config.brokerClusterName, total
        for name, table in list(stats.events.tables.items()):
            for key, event in list(table.items()):
                if not stats.is_idle(event):
                    yield name, key, event

    def _objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        stats = self._controller.stats
        common = {"cluster": self._controller.config.brokerClusterName, "broker": self._controller.config.brokerName}
        for topic, item in list(stats.topics.items()):
            if not stats.is_idle(item):
                nums, size = compute_rate(item.minute), compute_rate(item.minute, of_size=True)
                yield "topic", common | {"topic": topic} | _figures("put", nums, size)
        for (group, topic), got in list(stats.groups.items()):
            if not stats.is_idle(got):
                nums, size = compute_rate(got.minute), compute_rate(got.minute, of_size=True)
                back = stats.send_backs.get((group, topic))
                yield (
                    "group",
                    common
                    | {"topic": topic, "group": group}
                    | _figures("get", nums, size)
                    | {"sendBackNums": compute_rate(back.minute).sum if back is not None else 0}
                    | {"lag": self._lag(group, topic)},
                )

    def _lag(self, group: str, topic: str) -> int:
        """Messages that the group has not consumed, of the queues that it has an offset of."""
        offsets = self._controller.offsets.query_all(group, topic) or {}
        end = self._controller.store.max_offset
        return sum(max(0, end(topic, queue_id) - offset) for queue_id, offset in offsets.items())


def _figures(what: str, nums: Rate, size: Rate) -> dict[str, float]:
    return {f"{what}Nums": nums.sum, f"{what}Size": size.sum, f"{what}Tps": round(nums.tps, 2)}


def statistics_line(name: str, key: str, item: StatsItem, period: str) -> str:
    """The line of a statistic for the last minute, hour or day (StatsItem.printAtMinutes)."""
    window = {MINUTE: item.minute, HOUR: item.hour, DAY: item.day}[period]
    rate = compute_rate(window, of_size=name.endswith("_SIZE"))
    figures = f"SUM: {rate.sum} TPS: {fixed_text(rate.tps, 2)} AVGPT: {fixed_text(rate.avgpt, 2)}"
    return f"[{name}] [{key}] Stats In One {period}, {figures}"


def moment_line(name: str, key: str, value: int) -> str:
    """The line of a figure of the moment (MomentStatsItem.printAtMinutes)."""
    return f"[{name}] [{key}] Stats Every 5 Minutes, Value: {value}"
