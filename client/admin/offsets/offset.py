"""Offsets: of queues, of consumers, and setting a group's offsets with every queue read back afterwards.

Mirrors resetOffsetByTimestamp, its fallback for offline groups on brokers before 5.0, and resetOffsetByQueueId.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.admin.changes import Change, ChangingResult, FieldChange, State
from rocketmq_ops.client.admin.topics.topic import broker_address
from rocketmq_ops.client.api import offsets
from rocketmq_ops.client.errors import BrokerError, InvalidValueError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, See
from rocketmq_ops.common.topics import SYSTEM_TOPIC_PREFIX, is_lmq_topic, split_topic_group, topic_at_group
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.offsets.offset_clone import CloneReport
    from rocketmq_ops.remoting.bodies import BrokerData, QueueData

#: The timestamp that means the end of the queue.
END = -1
_CONFIRM_TRIES, _CONFIRM_PAUSE_S = 4, 0.5
# A Java consumer that is asked to reset stops, waits 10 s for what it is working on, and commits then.
_CONFIRM_TRIES_BY_CLIENTS = 26

ResetState = Literal["planned", "done", "notified", "unchanged", "kept", "unverified", "no_effect"]


class QueueReset(msgspec.Struct, rename="camel"):
    """What a reset did to one queue; offsets in messages, None is unknown.

    `state`: planned; done (read back as wanted); notified (a broker before 5.0 has notified the online consumers, and
    the offset reads back as something else: they are not there yet, or have consumed on already); unchanged (was there
    already); kept (`force` is false and the group is behind that point already); unverified (could not be read back);
    no_effect (reads back as something else).
    """

    broker_name: str
    queue_id: int
    min_offset: int | None
    max_offset: int | None
    before: int | None
    target: int | None
    after: int | None
    state: ResetState
    address: str = ""


class ResetReport(ChangingResult):
    """A reset of one group on one topic."""

    group: str
    topic: str
    timestamp: int
    planned: bool
    queues: list[QueueReset]
    failures: list[Failure] = []
    notes: list[str] = []

    def as_changes(self) -> list[Change]:
        """One for each queue that moves, or should have."""
        return [
            offset_change(queue.address, self.group, self.topic, queue.queue_id, queue.before, queue.target, state)
            for queue in self.queues
            if (state := _CHANGE_STATE.get(queue.state)) is not None
        ]


_CHANGE_STATE: dict[ResetState, State] = {
    "planned": "planned",
    "done": "done",
    "notified": "unverified",
    "unverified": "unverified",
    "no_effect": "no_effect",
}


def offset_name(group: str, topic: str, queue_id: int) -> str:
    """What the change of a group's offset of one queue is called; no name in it has a blank."""
    return f"{group} {topic} {queue_id}"


def offset_change(
    address: str, group: str, topic: str, queue_id: int, before: int | None, after: int | None, state: State
) -> Change:
    """The change of a group's offset of one queue."""
    return Change(
        address, "offset", offset_name(group, topic, queue_id), "set", state, [FieldChange("offset", before, after)]
    )


class ResetRequest(msgspec.Struct, kw_only=True):
    """What to reset. `timestamp` in ms, -1 for the end. `broker_addr` and `queue_id` narrow it; `offset` needs both.

    `force` false leaves queues alone where the group is behind the target already. `cluster` narrows it to that
    cluster's brokers; for a topic that has no route of its own it gives the route. `offsets` is queue id -> offset of
    those queues alone of `broker_addr`, each within what the queue holds when it is set; of queues that the topic no
    longer has nothing is reported.
    """

    group: str
    topic: str
    timestamp: int
    force: bool = True
    cluster: str | None = None
    broker_addr: str | None = None
    queue_id: int | None = None
    offset: int | None = None
    offsets: dict[int, int] = {}


class OffsetAdmin:
    """Calls about offsets; queue calls go to the address given."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin
        #: Address, group and topic of what was committed, and the locks of those to come.
        self._begun: dict[tuple[str, str, str], asyncio.Lock | None] = {}

    async def max_offset(self, address: str, topic: str, queue_id: int) -> int:
        """The offset after the last message of a queue."""
        return await offsets.max_offset(self._admin.session, address, topic, queue_id)

    async def min_offset(self, address: str, topic: str, queue_id: int) -> int:
        """The offset of the first message of a queue."""
        return await offsets.min_offset(self._admin.session, address, topic, queue_id)

    async def by_time(self, address: str, topic: str, queue_id: int, timestamp: int) -> int:
        """The first offset stored at `timestamp` (ms) or later; the end for -1."""
        if timestamp == END:
            return await self.max_offset(address, topic, queue_id)
        return await offsets.search_offset(self._admin.session, address, topic, queue_id, timestamp)

    async def consumer_offset(self, address: str, group: str, topic: str, queue_id: int) -> int | None:
        """What a group has committed of a queue; None when it never has."""
        return await offsets.consumer_offset(self._admin.session, address, group, topic, queue_id, zero_if_new=False)

    async def saved_offsets(self, address: str, group: str, topic: str, count: int) -> list[int | None]:
        """What a group has committed of each of a topic's first `count` queues on one broker; None where it never has.

        A broker before 5.0 answers 0 also where nothing is committed and the queue has its first message: there the
        table of all offsets tells.
        """
        fan = await self._admin.fan_out(
            range(count), lambda queue_id: self.consumer_offset(address, group, topic, queue_id)
        )
        if fan.errors:
            raise next(iter(fan.errors.values()))
        saved = [fan.answers[queue_id] for queue_id in range(count)]
        if 0 in saved and not await self.resets_itself(address):
            table = (await offsets.all_consumer_offsets(self._admin.session, address)).get(
                topic_at_group(topic, group), {}
            )
            saved = [table.get(queue_id) if offset == 0 else offset for queue_id, offset in enumerate(saved)]
        return saved

    async def all_at(self, address: str) -> dict[tuple[str, str], dict[int, int]]:
        """Every offset that one broker keeps: (topic, group) -> queue id -> offset."""
        table = await offsets.all_consumer_offsets(self._admin.session, address)
        return {split_topic_group(key): by_queue for key, by_queue in table.items()}

    async def set_consumer_offset(self, address: str, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Commit an offset on a group's behalf.

        The first of a group and topic is sent alone: of two that come together Apache's brokers lose one
        (ConsumerOffsetManager.commitOffset).
        """
        where = (address, group, topic)
        if (lock := self._begun.setdefault(where, asyncio.Lock())) is not None:
            async with lock:
                if self._begun[where] is not None:
                    await offsets.update_consumer_offset(self._admin.session, *where, queue_id, offset)
                    self._begun[where] = None
                    return
        await offsets.update_consumer_offset(self._admin.session, *where, queue_id, offset)

    async def resets_itself(self, address: str) -> bool:
        """Whether the broker sets the offsets, as from 5.0 on; one before has its online consumers do it."""
        return (await self._admin.configs.broker_config(address)).get("useServerSideResetOffset") == "true"

    async def move(self, address: str, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Set a group's offset of one queue the way that the broker resets it, else commit it.

        A broker since 5.0 keeps a reset until a consumer pulls, and answers with it: a commit would not show.
        """
        if await self.resets_itself(address):
            wanted = ResetRequest(group=group, topic=topic, timestamp=0)
            await self._invoke_reset(address, wanted, queue_id, offset)
        else:
            await self.set_consumer_offset(address, group, topic, queue_id, offset)

    async def reset(self, wanted: ResetRequest, *, plan: bool = False) -> ResetReport:
        """Reset on every broker of the topic (or the one named) and read every queue back.

        Raises NotFoundError when the topic has no route or the named broker or queue does not hold it, AllFailedError
        when it failed everywhere, InvalidValueError for a time below -1: brokers take one for the beginning where they
        search a queue, and for the end where they reset a group; SharedNameError when a broker of another cluster
        stands under the name of one of `cluster`.
        """
        if wanted.offset is None and not wanted.offsets and wanted.timestamp < END:
            raise InvalidValueError(
                f"invalid time {wanted.timestamp}: expected milliseconds since 1970, or -1 for the end",
                "for a time before now give the date, or the milliseconds of it",
            )
        brokers = await self._brokers(wanted)
        report = ResetReport(wanted.group, wanted.topic, wanted.timestamp, plan, [])

        async def one(key: str) -> tuple[list[QueueReset], list[str]]:
            data, queues = brokers[key]
            address = wanted.broker_addr or broker_address(data) or ""
            return await self._reset_at(address, data.broker_name, queues, wanted, plan)

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some(f"resetting {wanted.group} on {wanted.topic}")
        for queues, notes in fan.answers.values():
            report.queues += queues
            report.notes += notes
        report.failures = fan.failures
        report.queues.sort(key=lambda queue: (queue.broker_name, queue.queue_id))
        return report

    async def plan_clone(self, src_group: str, dest_group: str, topic: str) -> CloneReport:
        """What copying a group's offsets of a topic to another group would do; see `offset_clone.plan_clone`."""
        from rocketmq_ops.client.admin.offsets.offset_clone import plan_clone

        return await plan_clone(self._admin, src_group, dest_group, topic)

    async def apply_clone(self, planned: CloneReport) -> CloneReport:
        """Copy what was planned, and read it back; see `offset_clone.apply_clone`."""
        from rocketmq_ops.client.admin.offsets.offset_clone import apply_clone

        return await apply_clone(self._admin, planned)

    async def _brokers(self, wanted: ResetRequest) -> dict[str, tuple[BrokerData, QueueData | None]]:
        topic = wanted.topic
        without_route = is_lmq_topic(topic) or topic == SYSTEM_TOPIC_PREFIX + "wheel_timer"
        route = await self._admin.topics.route_data(wanted.cluster if without_route and wanted.cluster else topic)
        queues = {queue.broker_name: queue for queue in route.queue_datas}
        cluster = None if without_route else wanted.cluster
        chosen = {
            data.broker_name: (data, queues.get(data.broker_name))
            for data in route.broker_datas
            if broker_address(data) is not None and cluster in (None, data.cluster)
        }
        if not chosen and cluster is not None:
            raise NotFoundError(f"cluster '{cluster}' does not hold topic '{topic}'", see=See("topics.clusters", topic))
        if wanted.broker_addr is None:
            if cluster is not None:
                await self._admin.cluster.require_own(cluster, chosen)
            return chosen
        held = {n: (d, q) for n, (d, q) in chosen.items() if wanted.broker_addr in d.broker_addrs.values()}
        if not held:
            raise NotFoundError(
                f"the broker {wanted.broker_addr} does not hold topic '{topic}'",
                "look at the addresses in its route",
                see=See("topics.route", topic),
            )
        return held

    async def _reset_at(
        self, address: str, broker_name: str, queue_data: QueueData | None, wanted: ResetRequest, plan: bool
    ) -> tuple[list[QueueReset], list[str]]:
        queues = await self._before(address, broker_name, queue_data, wanted)
        moving = [queue for queue in queues if queue.state == "planned"]
        if plan or not moving:
            return queues, []
        notes = await self._apply(address, wanted, queues, moving)
        if await self._confirm(address, wanted, moving, patient=not notes) or notes:
            return queues, notes
        for queue in moving:
            queue.state = "notified" if queue.state == "no_effect" else queue.state
        if any(queue.state == "notified" for queue in moving):
            notes.append(
                f"{address} resets through its online consumers, which take about 10 s and then consume on: "
                f"look at the progress of group '{wanted.group}' again"
            )
        return queues, notes

    async def _before(
        self, address: str, broker_name: str, queue_data: QueueData | None, wanted: ResetRequest
    ) -> list[QueueReset]:
        """Each queue with where it is and where it shall go; `state` planned for those that will move."""
        count = queue_data.read_queue_nums if queue_data is not None else 1
        numbers: Iterable[int] = range(count) if wanted.queue_id is None else [wanted.queue_id]
        if wanted.offsets:
            numbers = [queue_id for queue_id in wanted.offsets if queue_id < count]
        if wanted.queue_id is not None and wanted.queue_id >= count:
            raise NotFoundError(
                f"topic '{wanted.topic}' has no queue {wanted.queue_id} on {broker_name}", f"it has 0 to {count - 1}"
            )

        async def read(queue_id: int) -> QueueReset:
            low = await self.min_offset(address, wanted.topic, queue_id)
            high = await self.max_offset(address, wanted.topic, queue_id)
            before = await self.consumer_offset(address, wanted.group, wanted.topic, queue_id)
            target = wanted.offset
            if queue_id in wanted.offsets:
                target = min(max(wanted.offsets[queue_id], low), high)
            elif target is None:
                target = await self.by_time(address, wanted.topic, queue_id, wanted.timestamp)
            state: ResetState = "planned"
            if target == before:
                state = "unchanged"
            elif not wanted.force and before is not None and target > before:
                state = "kept"
            return QueueReset(broker_name, queue_id, low, high, before, target, before, state, address)

        fan = await self._admin.fan_out(numbers, read)
        if fan.errors:
            raise next(iter(fan.errors.values()))
        return list(fan.answers.values())

    async def _apply(
        self, address: str, wanted: ResetRequest, queues: list[QueueReset], moving: list[QueueReset]
    ) -> list[str]:
        """Send the reset. Where a broker cannot do it for the queues in question, commit the offsets instead."""
        narrowed = wanted.queue_id is not None or wanted.offset is not None or bool(wanted.offsets)
        kept = len(moving) < len([queue for queue in queues if queue.state != "unchanged"])
        if narrowed or kept:
            return await self._reset_each(address, wanted, moving)
        try:
            targets = await self._invoke_reset(address, wanted, -1, -1)
        except BrokerError as error:
            if error.code not in (ResponseCode.CONSUMER_NOT_ONLINE, ResponseCode.SYSTEM_ERROR):
                raise
            # A broker before 5.0 resets through online consumers. It says "not exist" of a group that has none yet.
            if wanted.group not in await self._admin.groups.configs_at(address):
                raise NotFoundError(
                    f"{address} has no consumer group '{wanted.group}'",
                    "check the name, or create it",
                ) from error
            if error.code == ResponseCode.SYSTEM_ERROR and "not exist" not in error.remark:
                raise
            return await self._commit_each(address, wanted, moving)
        for queue in moving:  # the broker read the end a moment after this did
            queue.target = targets.get(queue.queue_id, queue.target)
        return []

    async def _reset_each(self, address: str, wanted: ResetRequest, moving: list[QueueReset]) -> list[str]:
        """One request for each queue; a broker that resets through its clients would move all queues of the topic."""
        if not await self.resets_itself(address):
            return await self._commit_each(address, wanted, moving)
        for queue in moving:
            assert queue.target is not None
            await self._invoke_reset(address, wanted, queue.queue_id, queue.target)
        return []

    async def _commit_each(self, address: str, wanted: ResetRequest, moving: list[QueueReset]) -> list[str]:
        for queue in moving:
            assert queue.target is not None
            await self.set_consumer_offset(address, wanted.group, wanted.topic, queue.queue_id, queue.target)
        return [
            f"{address} cannot move consumers itself: the offsets were committed, which lasts only while none is online"
        ]

    async def _invoke_reset(self, address: str, wanted: ResetRequest, queue_id: int, offset: int) -> dict[int, int]:
        """Queue id -> offset as the broker reports them."""
        from rocketmq_ops.remoting.headers import ResetOffsetRequestHeader

        header = ResetOffsetRequestHeader(
            group=wanted.group,
            topic=wanted.topic,
            queue_id=queue_id,
            offset=offset,
            timestamp=wanted.timestamp,
            is_force=wanted.force,
        )
        return await offsets.reset_offset(self._admin.session, address, header)

    async def _confirm(self, address: str, wanted: ResetRequest, moving: list[QueueReset], *, patient: bool) -> bool:
        """Read the offsets back, a few times: an online consumer of a broker before 5.0 commits them a moment later.

        False when what reads back proves nothing, for such a consumer may have consumed on since."""
        left = list(moving)
        for attempt in range(_CONFIRM_TRIES_BY_CLIENTS):
            if attempt == _CONFIRM_TRIES and (not patient or await self.resets_itself(address)):
                return True
            if attempt:
                await asyncio.sleep(_CONFIRM_PAUSE_S)
            for queue in list(left):
                try:
                    queue.after = await self.consumer_offset(address, wanted.group, wanted.topic, queue.queue_id)
                except RocketMQError:
                    queue.after, queue.state = None, "unverified"
                    continue
                queue.state = _read_back_state(queue)
                if queue.state == "done":
                    left.remove(queue)
            if not left:
                return True
        return False


def _read_back_state(queue: QueueReset) -> ResetState:
    """Done when the offset is the target, or is past it and not where it was: a consumer has gone on from there."""
    if queue.after is None or queue.target is None:
        return "no_effect"
    went_on = queue.after > queue.target and queue.after != queue.before
    return "done" if queue.after == queue.target or went_on else "no_effect"
