"""Statistics of the broker: what was put and got, by topic and by group, in the last minute, hour and day.

The send and pull paths only add plain ints to a counter object (`TopicCounters`, `GroupCounters`). One timer, every
10 s, takes snapshots of all of them; rates are differences of snapshots. Totals of the broker are summed from the
counters when asked, not kept twice. No request handling here (`processors/admin/stats.py`).

Mirrors BrokerStatsManager, StatsItemSet and BrokerStats of org.apache.rocketmq.store.stats.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rocketmq_ops.broker.stats.event_stats import (
    CHANNEL_ACTIVITY,
    CLOSE,
    CONNECT,
    EXCEPTION,
    GROUP_GET_LATENCY,
    IDLE,
    QUEUE_GET_NUMS,
    QUEUE_GET_SIZE,
    QUEUE_PUT_NUMS,
    QUEUE_PUT_SIZE,
    TOPIC_PUT_LATENCY,
    EventStats,
)
from rocketmq_ops.broker.stats.fall_behind import FALL_NAMES, fall_behind
from rocketmq_ops.broker.stats.stats_item import (
    HOUR_INTERVAL_MS,
    MINUTES_INTERVAL_MS,
    SAMPLE_INTERVAL_MS,
    Rate,
    StatsItem,
    compute_rate,
)
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.topics import SCHEDULE_CONSUMER_GROUP, SCHEDULE_TOPIC, split_topic_group, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.remoting.server import RemotingServer

TOPIC_PUT_NUMS = "TOPIC_PUT_NUMS"
TOPIC_PUT_SIZE = "TOPIC_PUT_SIZE"
GROUP_GET_NUMS = "GROUP_GET_NUMS"
GROUP_GET_SIZE = "GROUP_GET_SIZE"
SNDBCK_PUT_NUMS = "SNDBCK_PUT_NUMS"
BROKER_PUT_NUMS = "BROKER_PUT_NUMS"
BROKER_GET_NUMS = "BROKER_GET_NUMS"
BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC = "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC"
BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC = "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC"


class TopicCounters(StatsItem):
    """What producers put into one topic: messages, bytes of records, and calls (a batch is one call)."""

    __slots__ = ("put_nums", "put_size", "put_times", "system")

    def __init__(self, *, system: bool) -> None:
        super().__init__()
        self.put_nums = 0
        self.put_size = 0
        self.put_times = 0
        self.system = system

    def add(self, messages: int, size: int) -> None:
        """Count one call that put so many messages, `size` bytes of records."""
        self.put_nums += messages
        self.put_times += 1
        self.put_size += size

    def current(self) -> tuple[int, int, int]:
        return self.put_times, self.put_nums, self.put_size


class GroupCounters(StatsItem):
    """What one group got from one topic: messages, bytes and pulls that found some."""

    __slots__ = ("get_nums", "get_size", "get_times", "system")

    def __init__(self, *, system: bool) -> None:
        super().__init__()
        self.get_nums = 0
        self.get_size = 0
        self.get_times = 0
        self.system = system

    def current(self) -> tuple[int, int, int]:
        return self.get_times, self.get_nums, self.get_size


class SendBackCounters(StatsItem):
    """Messages of one topic that one group sent back for another try."""

    __slots__ = ("nums",)

    def __init__(self) -> None:
        super().__init__()
        self.nums = 0

    def current(self) -> tuple[int, int, int]:
        return self.nums, self.nums, 0


class TotalItem(StatsItem):
    """A total of the whole broker, computed by `BrokerStats` just before each sample."""

    __slots__ = ("nums",)

    def __init__(self) -> None:
        super().__init__()
        self.nums = 0

    def current(self) -> tuple[int, int, int]:
        return 0, self.nums, 0


class BrokerStats:
    """All counters of a broker, the timer that samples them, and the totals per day."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.topics: dict[str, TopicCounters] = {}
        self.groups: dict[tuple[str, str], GroupCounters] = {}
        self.send_backs: dict[tuple[str, str], SendBackCounters] = {}
        #: What happens too seldom to need counters of its own kind.
        self.events = EventStats()
        self.totals: dict[str, TotalItem] = {
            name: TotalItem()
            for name in (
                BROKER_PUT_NUMS,
                BROKER_GET_NUMS,
                BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC,
                BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC,
            )
        }
        self._retired_put = [0, 0]
        self._retired_get = [0, 0]
        self.put_total_yesterday_morning = 0
        self.put_total_today_morning = 0
        self.get_total_yesterday_morning = 0
        self.get_total_today_morning = 0
        self._next_minutes = 0
        self._next_hour = 0
        self._day: tuple[int, int, int] | None = None
        self._jobs = PeriodicJobs()

    # -- counters -----------------------------------------------------------------------------------------------

    def topic_counters(self, topic: str) -> TopicCounters:
        """The counters of a topic, for the caller to keep while it sends to it and to add to."""
        found = self.topics.get(topic)
        if found is None:
            found = self.topics[topic] = TopicCounters(system=self._controller.topics.is_system(topic))
        return found

    def group_counters(self, group: str, topic: str) -> GroupCounters:
        """The counters of a group on a topic, to add to."""
        found = self.groups.get((group, topic))
        if found is None:
            found = self.groups[(group, topic)] = GroupCounters(system=self._controller.topics.is_system(topic))
        return found

    def add_send_back(self, group: str, topic: str) -> None:
        """Count one message that `group` sent back."""
        found = self.send_backs.get((group, topic))
        if found is None:
            found = self.send_backs[(group, topic)] = SendBackCounters()
        found.nums += 1

    def count_put(self, topic: str, queue_id: int, messages: int, size: int) -> None:
        """Count a put that took the long way, `size` bytes of records; those parked for later by their queue too."""
        self.topic_counters(topic).add(messages, size)
        if topic == SCHEDULE_TOPIC and self._controller.config.enableDetailStat:
            self.events.add(QUEUE_PUT_NUMS, f"{topic}@{queue_id}", messages)
            self.events.add(QUEUE_PUT_SIZE, f"{topic}@{queue_id}", size)

    def count_delivery(self, topic: str, level: int, size: int) -> None:
        """Count a delayed message that was put into its topic: got from its level's queue (enableScheduleMessageStats).

        The broker's total of messages got does not have it, as Apache's does not.
        """
        if not self._controller.store_config.enableScheduleMessageStats:
            return
        self.count_put(topic, -1, 1, size)
        if (meters := self._controller.meters) is not None:
            meters.count_delayed(topic, size)
        add, group_key = self.events.add, topic_at_group(SCHEDULE_TOPIC, SCHEDULE_CONSUMER_GROUP)
        add(GROUP_GET_NUMS, group_key)
        add(GROUP_GET_SIZE, group_key, size)
        if self._controller.config.enableDetailStat:
            queue_key = topic_at_group(f"{SCHEDULE_TOPIC}@{level - 1}", SCHEDULE_CONSUMER_GROUP)
            add(QUEUE_GET_NUMS, queue_key)
            add(QUEUE_GET_SIZE, queue_key, size)

    def count_channels(self, server: RemotingServer) -> None:
        """Count what becomes of the connections of a server (ClientHousekeepingService)."""
        add = self.events.add
        server.on_connect(lambda _: add(CHANNEL_ACTIVITY, CONNECT))
        server.on_close(lambda _: add(CHANNEL_ACTIVITY, CLOSE))
        server.on_idle(lambda _: add(CHANNEL_ACTIVITY, IDLE))
        server.on_exception(lambda _: add(CHANNEL_ACTIVITY, EXCEPTION))

    def on_topic_deleted(self, topic: str) -> None:
        """Forget the counters of a deleted topic; the broker's totals keep what they counted."""
        if self._controller.meters is not None:
            self._controller.meters.forget(topic)
        counters = self.topics.pop(topic, None)
        if counters is not None:
            self._retired_put[counters.system] += counters.put_nums
        self.events.forget(topic)
        for key in [key for key in self.groups if key[1] == topic]:
            self._retire_group(key)
        for key in [key for key in self.send_backs if key[1] == topic]:
            del self.send_backs[key]

    def on_group_deleted(self, group: str) -> None:
        """Forget the counters of a deleted group; the broker's totals keep what they counted."""
        self.events.forget(group)
        for key in [key for key in self.groups if key[0] == group]:
            self._retire_group(key)
        for key in [key for key in self.send_backs if key[0] == group]:
            del self.send_backs[key]

    def _retire_group(self, key: tuple[str, str]) -> None:
        counters = self.groups.pop(key)
        self._retired_get[counters.system] += counters.get_nums

    def put_total(self, *, with_system: bool = False) -> int:
        """Messages put since start, those of system topics only when asked for."""
        total = self._retired_put[0] + sum(c.put_nums for c in self.topics.values() if not c.system)
        if with_system:
            total += self._retired_put[1] + sum(c.put_nums for c in self.topics.values() if c.system)
        return total

    def get_total(self, *, with_system: bool = False) -> int:
        """Messages got since start, those of system topics only when asked for."""
        total = self._retired_get[0] + sum(c.get_nums for c in self.groups.values() if not c.system)
        if with_system:
            total += self._retired_get[1] + sum(c.get_nums for c in self.groups.values() if c.system)
        return total

    # -- sampling -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin sampling on the running loop."""
        self._tick()
        self._jobs.every("sample", lambda: SAMPLE_INTERVAL_MS, self._tick)

    def stop(self) -> None:
        """Stop sampling; what was counted stays readable."""
        self._jobs.stop()

    def _tick(self) -> None:
        self.sample(steady_ms(), self._controller.clock())

    def sample(self, now_ms: int, wall_ms: int) -> None:
        """Take one snapshot of every counter; `now_ms` by a clock that nobody sets, `wall_ms` since the epoch, at whose
        local midnight the day turns over.
        """
        minutes, hour = now_ms >= self._next_minutes, now_ms >= self._next_hour
        if minutes:
            self._next_minutes = now_ms + MINUTES_INTERVAL_MS
        if hour:
            self._next_hour = now_ms + HOUR_INTERVAL_MS
        self.totals[BROKER_PUT_NUMS].nums = self.put_total(with_system=True)
        self.totals[BROKER_GET_NUMS].nums = self.get_total(with_system=True)
        self.totals[BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC].nums = self.put_total()
        self.totals[BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC].nums = self.get_total()
        for items in self._all_items():
            for item in items:
                item.sample(now_ms, minutes=minutes, hour=hour)
        self._turn_day(wall_ms)

    def _all_items(self) -> Iterator[Iterable[StatsItem]]:
        yield self.topics.values()
        yield self.groups.values()
        yield self.send_backs.values()
        yield self.totals.values()
        for table in self.events.tables.values():
            yield table.values()

    def _turn_day(self, wall_ms: int) -> None:
        day = time.localtime(wall_ms / 1000)[:3]
        if self._day is not None and day != self._day:
            self.put_total_yesterday_morning = self.put_total_today_morning
            self.get_total_yesterday_morning = self.get_total_today_morning
            self.put_total_today_morning = self.put_total()
            self.get_total_today_morning = self.get_total()
        self._day = day

    # -- reading ------------------------------------------------------------------------------------------------

    def find(self, name: str, key: str) -> tuple[StatsItem, bool] | None:
        """The item that `name` and `key` (topic, topic@group or cluster) mean, and whether its size is meant.

        None when there is no such statistic, or nothing was counted under the key, or not for longer than
        `maxStatsIdleTimeInMinutes` (Apache's broker forgets such items; here they are only not shown).
        """
        item: StatsItem | None = None
        if name in (TOPIC_PUT_NUMS, TOPIC_PUT_SIZE):
            item = self.topics.get(key)
        elif name in (GROUP_GET_NUMS, GROUP_GET_SIZE, SNDBCK_PUT_NUMS):
            topic, group = split_topic_group(key)
            table: dict[tuple[str, str], GroupCounters] | dict[tuple[str, str], SendBackCounters]
            table = self.send_backs if name == SNDBCK_PUT_NUMS else self.groups
            item = table.get((group, topic))
        elif name in self.totals and key == self._controller.config.brokerClusterName:
            item = self.totals[name]
        if item is None:
            item = self.events.find(name, key)
        if item is None or self.is_idle(item):
            return None
        return item, name.endswith("_SIZE")

    def rates(self, name: str, key: str) -> tuple[Rate, Rate, Rate] | None:
        """What VIEW_BROKER_STATS_DATA answers: the rates of the last minute, hour and day; None for no such statistic.

        How far a group is behind is a figure of the moment: it stands in all three as the sum.
        """
        found = self.find(name, key)
        if found is not None:
            item, of_size = found
            windows = (item.minute, item.hour, item.day)
            minute, hour, day = (compute_rate(window, of_size=of_size) for window in windows)
            return minute, hour, day
        if name in FALL_NAMES:
            behind = fall_behind(self._controller, name, key)
            moment = Rate(behind) if behind is not None else None
        else:
            moment = Rate() if self._takes_no_time(name, key) else None
        return None if moment is None else (moment, moment, moment)

    def _takes_no_time(self, name: str, key: str) -> bool:
        """Whether `key` names a queue whose puts or gets took no time that can be counted in ms."""
        queue_id, rest = split_topic_group(key)
        if not queue_id.isdecimal():
            return False
        if name == TOPIC_PUT_LATENCY:
            return rest in self.topics
        topic, group = split_topic_group(rest)
        return name == GROUP_GET_LATENCY and (group, topic) in self.groups

    def is_idle(self, item: StatsItem) -> bool:
        """Whether nothing was counted for maxStatsIdleTimeInMinutes."""
        minutes = self._controller.config.maxStatsIdleTimeInMinutes
        if minutes < 0 or not item.minute:
            return False
        limit_ms = (minutes if minutes > 10 else 30) * 60_000
        return item.minute[-1].timestamp - item.changed_at > limit_ms

    def topic_put_tps(self, topic: str) -> float:
        """Messages per second put into the topic in the last minute."""
        item = self.topics.get(topic)
        return compute_rate(item.minute).tps if item is not None else 0.0

    def group_get_tps(self, group: str, topic: str) -> float:
        """Messages per second that the group got from the topic in the last minute."""
        item = self.groups.get((group, topic))
        return compute_rate(item.minute).tps if item is not None else 0.0
