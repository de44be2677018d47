"""The lines of `stats.log`: once a minute what every topic and group did, as Apache's broker writes it or as objects.

In `text` there is a line for each statistic, word for word as StatsItem.printAtMinutes and MomentStatsItem write it;
in `json` one for each topic and one for each topic of a group, with all its figures. Nothing is done without log files.
"""

from __future__ import annotations

import logging
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
from rocketmq_ops.broker.stats.fall_behind import GROUP_GET_FALL_SIZE, bytes_behind
from rocketmq_ops.broker.stats.stats_item import Rate, StatsItem, compute_rate
from rocketmq_ops.broker.stats.water_marks import INTERVAL_MS, write_water_marks
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.common.topics import split_topic_group, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

MINUTE_MS: Final = 60_000


class StatsLines:
    """Writes the lines of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._writing = False
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
        if not self._writing:
            self._writing = True
            run_later(self._write(), "statistics")

    async def _write(self) -> None:
        try:
            await self.write()
        finally:
            self._writing = False

    async def write(self) -> None:
        """Write a minute's lines, in slices."""
        lines = self._objects() if self._controller.config.logFormat == "json" else self._text_lines()
        await in_slices(lines, lambda line: log.info("%s", line[0], extra={"fields": line[1]}))

    def _text_lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        stats = self._controller.stats
        for topic, item in list(stats.topics.items()):
            if not stats.is_idle(item):
                yield _line(TOPIC_PUT_NUMS, topic, item)
                yield _line(TOPIC_PUT_SIZE, topic, item)
        for (group, topic), got in list(stats.groups.items()):
            if not stats.is_idle(got):
                yield _line(GROUP_GET_NUMS, topic_at_group(topic, group), got)
                yield _line(GROUP_GET_SIZE, topic_at_group(topic, group), got)
        for (group, topic), back in list(stats.send_backs.items()):
            if not stats.is_idle(back):
                yield _line(SNDBCK_PUT_NUMS, topic_at_group(topic, group), back)
        for name, total in stats.totals.items():
            yield _line(name, self._controller.config.brokerClusterName, total)
        for name, table in list(stats.events.tables.items()):
            for key, event in list(table.items()):
                if not stats.is_idle(event):
                    yield _line(name, key, event)
        for key, behind in self._falls():
            yield f"[{GROUP_GET_FALL_SIZE}] [{key}] Stats Every 5 Minutes, Value: {behind}", {}

    def _falls(self) -> Iterator[tuple[str, int]]:
        """Bytes behind, each five minutes."""
        if self._controller.clock() // MINUTE_MS % 5:
            return
        for key, queues in list(self._controller.offsets.pull_table.items()):
            topic, _ = split_topic_group(key)
            for queue_id, offset in list(queues.items()):
                yield f"{queue_id}@{key}", bytes_behind(self._controller, topic, queue_id, offset)

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


def _line(name: str, key: str, item: StatsItem) -> tuple[str, dict[str, Any]]:
    rate = compute_rate(item.minute, of_size=name.endswith("_SIZE"))
    figures = f"SUM: {rate.sum} TPS: {rate.tps:.2f} AVGPT: {rate.avgpt:.2f}"
    return f"[{name}] [{key}] Stats In One Minute, {figures}", {}
