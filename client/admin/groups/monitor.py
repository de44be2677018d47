"""One look at every consumer group: what is behind, what is wrong among its clients, and offsets that brokers moved.

Mirrors MonitorService.doMonitorWork. That one passes over groups and clients that do not answer; here they are named.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rocketmq_ops.client.admin.fanout import fan_out
from rocketmq_ops.client.admin.groups.consumer_status import Problem
from rocketmq_ops.client.admin.messages.message_results import MessageView, ScanRequest, view
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import CorruptDataError, Failure, RocketMQError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.topics import OFFSET_MOVED_EVENT

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.groups.group import GroupProgress

#: Groups that are looked at at a time; of each, its brokers and clients are asked side by side.
GROUPS_AT_A_TIME: Final = 8
#: Offsets that brokers moved, at most so many a round.
MOST_MOVED: Final = 100


class TopicLag(msgspec.Struct, rename="camel"):
    """How far a group is behind in a topic: messages in all and in its worst queue, and in ms. None is unknown.

    `online`: whether the group has a consumer online; None when that could not be asked.
    """

    group: str
    topic: str
    online: bool | None
    lag: int | None
    max_queue_lag: int | None
    lag_millis: int | None


class GroupProblem(msgspec.Struct, rename="camel"):
    """What is wrong among the clients of a group."""

    group: str
    problem: Problem


class MovedOffset(msgspec.Struct, rename="camel"):
    """An offset that a consumer asked for and a broker no longer has: it goes on at `new_offset`. Time in ms."""

    group: str
    topic: str
    broker_name: str
    queue_id: int
    requested_offset: int
    new_offset: int
    timestamp: int


class MonitorRound(msgspec.Struct, rename="camel"):
    """One round. `timestamp`: its begin in ms. `groups`: how many there are."""

    round: int
    timestamp: int
    elapsed_millis: int
    groups: int
    topics: list[TopicLag]
    problems: list[GroupProblem]
    moved: list[MovedOffset]
    failures: list[Failure] = []


async def look(admin: MQAdmin, number: int, since: int) -> MonitorRound:
    """The round `number`; offsets moved from `since` (ms) on. Raises RemotingError where no name server answers."""
    begun, timestamp = time.monotonic(), now_ms()
    names = await admin.groups.names()
    found = MonitorRound(number, timestamp, 0, len(names), [], [], [])

    async def one(group: str) -> None:
        await _look_at(admin, group, found)

    fan = await fan_out(names, one, GROUPS_AT_A_TIME, admin.failure_of)
    found.failures += [failure for failure in fan.failures if failure not in found.failures]
    await _moved(admin, since, found)
    found.topics.sort(key=lambda lag: (lag.lag is not None, -(lag.lag or 0), lag.group, lag.topic))
    found.problems.sort(key=lambda problem: problem.group)
    found.elapsed_millis = int((time.monotonic() - begun) * 1000)
    return found


async def _look_at(admin: MQAdmin, group: str, found: MonitorRound) -> None:
    """Add what one group's offsets and clients tell. A group that has neither adds nothing."""
    online: bool | None = True
    try:
        status = await admin.clients.status(group)
    except NotFoundError:
        online = False
    except RocketMQError as error:
        online = None
        found.failures.append(admin.failure_of(group, error))
    else:
        found.problems += [GroupProblem(group, problem) for problem in status.problems]
        found.failures += [_of(group, failure) for failure in status.failures]
    try:
        progress = await admin.groups.progress(group)
    except NotFoundError:
        return
    found.topics += _lags(progress, online)
    failed = (_of(group, failure) for failure in progress.failures)
    found.failures += [failure for failure in failed if failure not in found.failures]


def _lags(progress: GroupProgress, online: bool | None) -> list[TopicLag]:
    by_topic: dict[str, list[Any]] = {}
    for queue in progress.queues:
        by_topic.setdefault(queue.topic, []).append(queue)
    lags = []
    for topic, queues in by_topic.items():
        counts = [queue.lag for queue in queues]
        spans = [queue.lag_millis for queue in queues]
        whole = None not in counts and not progress.failures
        in_time = None not in spans and not progress.failures
        lags.append(
            TopicLag(
                progress.group,
                topic,
                online,
                sum(counts) if whole else None,
                max(counts) if whole else None,
                max(spans) if in_time else None,
            )
        )
    return lags


def _of(group: str, failure: Failure) -> Failure:
    return Failure(f"{group}, {failure.target}", failure.cause, failure.next_step, failure.code)


async def _moved(admin: MQAdmin, since: int, found: MonitorRound) -> None:
    """Add the offsets that brokers say they have moved. Not every cluster has the topic."""
    wanted = ScanRequest(topic=OFFSET_MOVED_EVENT, limit=MOST_MOVED, begin_timestamp=since)
    try:
        scan = await admin.messages.scan(wanted, view)
    except NotFoundError:
        return
    except RocketMQError as error:
        found.failures.append(admin.failure_of(f"topic {OFFSET_MOVED_EVENT}", error))
        return
    found.failures += scan.failures
    for message in scan.messages:
        moved = _event(message)
        if moved is None:
            cause = f"the message {message.offset_msg_id} is not an event"
            found.failures.append(Failure(f"topic {OFFSET_MOVED_EVENT}", cause))
        else:
            found.moved.append(moved)


def _event(message: MessageView) -> MovedOffset | None:
    """OffsetMovedEvent; None for another message."""
    try:
        body = loads(message.body or "")
        queue = body["messageQueue"]
        return MovedOffset(
            str(body["consumerGroup"]),
            str(queue["topic"]),
            str(queue["brokerName"]),
            int(queue["queueId"]),
            int(body["offsetRequest"]),
            int(body["offsetNew"]),
            message.store_timestamp,
        )
    except (CorruptDataError, KeyError, TypeError, ValueError):
        return None
