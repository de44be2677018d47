"""Copying a group's offsets of a topic to another group, queue by queue, each read back.

Mirrors CloneGroupOffsetCommand in what it is for. That command copies the offsets of every topic of the source group
that lies on a broker of the topic named, and reads nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.admin.changes import Change, ChangingResult, State
from rocketmq_ops.client.admin.offsets.offset import offset_change
from rocketmq_ops.client.admin.topics.topic import broker_address
from rocketmq_ops.client.errors import InvalidValueError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, See

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

CloneState = Literal["planned", "done", "unchanged", "unknown", "unverified", "no_effect"]


class QueueClone(msgspec.Struct, rename="camel"):
    """One queue: the source group's offset, and the destination's before and after. None: the group has none.

    `state`: planned; done (read back as copied); unchanged (was there already); unknown (the source group has no offset
    of this queue, so there is nothing to copy); unverified (could not be read back); no_effect (refused, or reads back
    as something else).
    """

    broker_name: str
    broker_addr: str
    queue_id: int
    source_offset: int | None
    before: int | None
    after: int | None
    state: CloneState

    @property
    def place(self) -> str:
        """Which queue, for people."""
        return f"{self.broker_name} queue {self.queue_id}"


class CloneReport(ChangingResult):
    """The offsets of one topic, from one group to another.

    `online`: the ids of the destination's consumers; None when they could not be asked for.
    """

    src_group: str
    dest_group: str
    topic: str
    planned: bool
    queues: list[QueueClone]
    online: list[str] | None = None
    failures: list[Failure] = []

    def as_changes(self) -> list[Change]:
        """One for each queue of the destination that moves, or should have."""
        return [
            offset_change(
                queue.broker_addr, self.dest_group, self.topic, queue.queue_id, queue.before, queue.source_offset, state
            )
            for queue in self.queues
            if (state := _CHANGE_STATE.get(queue.state)) is not None
        ]


_CHANGE_STATE: dict[CloneState, State] = {
    "planned": "planned",
    "done": "done",
    "unverified": "unverified",
    "no_effect": "no_effect",
}


async def plan_clone(admin: MQAdmin, src_group: str, dest_group: str, topic: str) -> CloneReport:
    """What a copy would do on every broker of the topic.

    Raises NotFoundError when the topic has no route or the source group has no offset of it anywhere, AllFailedError
    when no offset could be read, InvalidValueError for one group twice.
    """
    if src_group == dest_group:
        raise InvalidValueError(f"source and destination are the same group '{src_group}'", "name two groups")
    route = await admin.topics.route_data(topic)
    addresses = {data.broker_name: broker_address(data) for data in route.broker_datas}
    brokers = {
        data.broker_name: (address, data.read_queue_nums)
        for data in sorted(route.queue_datas, key=lambda item: item.broker_name)
        if (address := addresses.get(data.broker_name)) is not None
    }

    async def read(name: str) -> list[QueueClone]:
        address, count = brokers[name]
        source = await admin.offsets.saved_offsets(address, src_group, topic, count)
        before = await admin.offsets.saved_offsets(address, dest_group, topic, count)
        pairs = enumerate(zip(source, before, strict=True))
        return [QueueClone(name, address, q, s, b, b, _state_before(s, b)) for q, (s, b) in pairs]

    fan = await admin.fan_out(brokers, read)
    fan.require_some(f"reading the offsets of {src_group}")
    queues = [queue for answer in fan.answers.values() for queue in answer]
    report = CloneReport(src_group, dest_group, topic, True, queues, failures=fan.failures)
    if all(queue.source_offset is None for queue in report.queues) and not report.failures:
        raise NotFoundError(
            f"group '{src_group}' has no offset of topic '{topic}'", "check both names", see=See("groups.listing")
        )
    try:
        found = await admin.clients.consumers(dest_group)
    except NotFoundError:
        report.online = []
    except RocketMQError as error:
        report.failures.append(admin.failure_of(f"consumers of {dest_group}", error))
    else:
        report.online = [client.client_id for client in found.connections]
        report.failures += found.failures
    return report


def _state_before(source: int | None, before: int | None) -> CloneState:
    return "unknown" if source is None else "unchanged" if source == before else "planned"


async def apply_clone(admin: MQAdmin, report: CloneReport) -> CloneReport:
    """Copy what is planned, and read each queue back. What a broker refuses is among the failures."""
    report.planned = False
    moving = {queue.place: queue for queue in report.queues if queue.state == "planned"}

    async def copy(place: str) -> None:
        queue = moving[place]
        assert queue.source_offset is not None
        where = (queue.broker_addr, report.dest_group, report.topic, queue.queue_id)
        await admin.offsets.set_consumer_offset(*where, queue.source_offset)
        try:
            queue.after = await admin.offsets.consumer_offset(*where)
        except RocketMQError:
            queue.after, queue.state = None, "unverified"
        else:
            queue.state = "done" if queue.after == queue.source_offset else "no_effect"

    fan = await admin.fan_out(moving, copy)
    for place in fan.errors:
        moving[place].state = "no_effect"
    report.failures += fan.failures
    return report
