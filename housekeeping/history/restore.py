"""Puts a group's offsets back to where a history saw them, queue by queue, each read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.changes import Change, ChangingResult
from rocketmq_ops.client.admin.offsets.offset import QueueReset, ResetReport, ResetRequest
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, moment_text

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin


class NoRecordError(HistoryError, NotFoundError):
    """The history does not hold what was asked for."""


class OnlineError(RocketMQError):
    """The group's consumers are connected to a broker that cannot move them to an exact offset."""


class RestoredQueue(msgspec.Struct, rename="camel"):
    """A queue: the recorded offset, and what became of it; `state` as `QueueReset` has it.

    `target` is not what was recorded where the queue no longer holds that: its begin or its end is nearest then.
    """

    topic: str
    broker_name: str
    queue_id: int
    recorded: int
    min_offset: int | None
    max_offset: int | None
    before: int | None
    target: int | None
    after: int | None
    state: str


class RestoreReport(ChangingResult):
    """What a restore did or would do; `recorded_time` (ms) is of the run whose offsets they are."""

    group: str
    planned: bool
    recorded_time: int | None
    queues: list[RestoredQueue]
    changes: list[Change]
    failures: list[Failure] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)

    def as_changes(self) -> list[Change]:
        """One for each queue that moves, or should have."""
        return self.changes


def recorded_at(history: History, group: str, at_ms: int, topic: str | None = None) -> tuple[int, GroupOffsets]:
    """The time of the last run at or before `at_ms`, and the group's offsets then, of all its topics or of one.

    Raises NoRecordError when the history does not reach there or did not see the group then.
    """
    span = history.span()
    if span is None:
        raise NoRecordError(f"the history {history.path} has no run yet", "let `mqadmin probe` record some")
    if at_ms < span.first_ms:
        raise NoRecordError(
            f"{moment_text(at_ms)} is before the oldest record",
            f"the history reaches from {moment_text(span.first_ms)} to {moment_text(span.last_ms)}, "
            f"{plural(span.runs, 'run', 'runs')}",
        )
    time_ms = history.last_time(at_ms)
    assert time_ms is not None  # the first is not after it
    found = history.offsets_at(time_ms, group)
    queues = [q for q in found[0].queues if topic in (None, q.queue.topic)] if found else []
    if not queues:
        what = f"group '{group}'" + (f" on topic '{topic}'" if topic else "")
        failed = history.failures(time_ms, time_ms).get(time_ms, [])
        raise NoRecordError(
            f"the run of {moment_text(time_ms)} saw no offset of {what}"
            f"{f'; it could not read {failed[0].target}: {failed[0].cause}' if failed else ''}",
            "check the name, or take another time: `mqadmin group history` shows which have it",
        )
    return time_ms, GroupOffsets(group=group, queues=queues, members=found[0].members)


async def restore(admin: MQAdmin, recorded: GroupOffsets, time_ms: int, *, plan: bool) -> RestoreReport:
    """Put the offsets back. Raises OnlineError, with nothing sent, where consumers would commit over them."""
    report = RestoreReport(recorded.group, plan, time_ms, [], [])
    addresses = {broker.broker_name or "": broker.address for broker in await admin.cluster.one_each()}
    wanted: dict[tuple[str, str], dict[int, int]] = {}
    without: list[QueueKey] = []
    for each in recorded.queues:
        queue = each.queue
        if each.committed is None:
            without.append(queue)
        else:
            wanted.setdefault((queue.topic, queue.broker), {})[queue.queue_id] = each.committed
    missing = {broker for _, broker in wanted if broker not in addresses}
    report.failures += [
        Failure(
            broker, "no broker of this name is registered: its queues were left alone", "start it, and run it again"
        )
        for broker in sorted(missing)
    ]
    places = [place for place in wanted if place[1] not in missing]
    await _refuse_online(admin, recorded.group, sorted({addresses[broker] for _, broker in places}))

    async def one(place: tuple[str, str]) -> ResetReport:
        topic, broker = place
        request = ResetRequest(
            group=recorded.group, topic=topic, timestamp=0, broker_addr=addresses[broker], offsets=wanted[place]
        )
        return await admin.offsets.reset(request, plan=plan)

    fan = await admin.fan_out(places, one)
    for (topic, broker), part in fan.answers.items():
        report.changes += part.as_changes()
        report.failures += part.failures
        report.notes += part.notes
        offsets = wanted[topic, broker]
        report.queues += [_restored(topic, broker, queue, offsets[queue.queue_id]) for queue in part.queues]
        report.notes += [
            f"{QueueKey(topic, broker, number)}: the topic no longer has this queue"
            for number in sorted(offsets.keys() - {queue.queue_id for queue in part.queues})
        ]
    report.failures += [
        admin.failure_of(f"topic {topic} on {broker}", error) for (topic, broker), error in fan.errors.items()
    ]
    report.notes += [f"{queue}: no offset was recorded, so it stays where it is" for queue in without]
    report.notes += await _unrecorded(admin, recorded, addresses, {topic for topic, _ in wanted})
    report.notes += [note for queue in report.queues if (note := _moved_note(queue))]
    return report


def _restored(topic: str, broker: str, queue: QueueReset, recorded: int) -> RestoredQueue:
    return RestoredQueue(
        topic,
        broker,
        queue.queue_id,
        recorded,
        queue.min_offset,
        queue.max_offset,
        queue.before,
        queue.target,
        queue.after,
        queue.state,
    )


def _moved_note(queue: RestoredQueue) -> str | None:
    where = f"{queue.topic} {queue.broker_name}:{queue.queue_id}"
    low, high = queue.min_offset, queue.max_offset
    if low is not None and queue.recorded < low:
        return (
            f"{where}: the recorded offset {queue.recorded} lies before the queue's beginning, {low}: "
            "what was there is deleted"
        )
    if high is not None and queue.recorded > high:
        return (
            f"{where}: the recorded offset {queue.recorded} lies beyond the queue's end, {high}: the queue is another"
        )
    return None


async def _refuse_online(admin: MQAdmin, group: str, addresses: list[str]) -> None:
    """A broker since 5.0 keeps the offsets for consumers that are connected; to one before they commit their own."""

    async def clients(address: str) -> list[str]:
        if await admin.offsets.resets_itself(address):
            return []
        found = await admin.clients.consumers_at(address, group)
        return [] if found is None else [connection.client_id for connection in found.connection_set]

    fan = await admin.fan_out(addresses, clients)
    online = sorted({client for answer in fan.answers.values() for client in answer})
    if online:
        raise OnlineError(
            f"consumers of '{group}' are connected to brokers that cannot move them to exact offsets, and would commit "
            f"their own over these: {', '.join(online)}",
            "stop them and run it again; or go back by time, which such brokers can: `mqadmin resetOffsetByTime`",
        )


async def _unrecorded(admin: MQAdmin, recorded: GroupOffsets, addresses: dict[str, str], topics: set[str]) -> list[str]:
    """Queues of these topics that the group has an offset of now, and that the run did not see."""
    seen = {each.queue for each in recorded.queues}
    fan = await admin.fan_out([name for name in addresses if name], lambda name: admin.offsets.all_at(addresses[name]))
    now = {
        QueueKey(topic, broker, number)
        for broker, table in fan.answers.items()
        for (topic, group), offsets in table.items()
        if group == recorded.group and topic in topics
        for number in offsets
    }
    return [f"{queue}: there is no record of it, so it stays where it is" for queue in sorted(now - seen)]
