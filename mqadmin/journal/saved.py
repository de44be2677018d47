"""What else is lost with a change, beside the values of its own fields, by its kind: read before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.mqadmin.journal.entries import SavedOffsets

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

#: (kind, action) of changes with which offsets of groups go.
_TAKES_OFFSETS = {("topic", "delete"), ("group", "delete")}


def takes_more(changes: Sequence[Change]) -> bool:
    """Whether there is something to read for these changes."""
    return any((change.kind, change.action) in _TAKES_OFFSETS for change in changes)


async def saved_offsets(admin: MQAdmin, changes: Sequence[Change]) -> tuple[list[SavedOffsets], list[Failure]]:
    """The offsets that go with topics and groups, by broker; and the brokers that did not give theirs."""
    going: dict[str, list[Change]] = {}
    for change in changes:
        if (change.kind, change.action) in _TAKES_OFFSETS:
            going.setdefault(change.target, []).append(change)
    fan = await admin.fan_out(going, admin.offsets.all_at)
    saved = []
    for target, table in fan.answers.items():
        topics = {change.name for change in going[target] if change.kind == "topic"}
        groups = {change.name for change in going[target] if change.kind == "group"}
        saved += [
            SavedOffsets(target, group, topic, offsets)
            for (topic, group), offsets in sorted(table.items())
            if offsets and (topic in topics or group in groups)
        ]
    return saved, fan.failures


async def restore_offsets(admin: MQAdmin, saved: SavedOffsets, *, plan: bool) -> tuple[list[Change], list[str]]:
    """Set a group's offsets of a topic to what they were, but not behind the ends of the queues.

    A queue whose messages have gone begins anew, and a group that stood behind its end would not see what comes.
    """
    from rocketmq_ops.client.admin.changes import Fields, Value, change_one
    from rocketmq_ops.client.admin.offsets.offset import offset_name

    notes: list[str] = []

    async def one(queue_id: int) -> Change:
        where = (saved.target, saved.group, saved.topic, queue_id)
        offset = saved.offsets[queue_id]
        end = await _end(admin, saved.target, saved.topic, queue_id)
        if end < offset:
            notes.append(
                f"group {saved.group} was at {offset} of queue {queue_id} of topic {saved.topic} on {saved.target}, "
                f"which ends at {end} now: its messages are gone, so the group is set to {end}"
            )
        wanted: dict[str, Value] = {"offset": min(offset, end)}

        async def read() -> dict[str, Value] | None:
            found = await admin.offsets.consumer_offset(*where)
            return None if found is None else {"offset": found}

        async def send(before: Fields) -> None:
            await admin.offsets.move(*where, min(offset, end))

        name = offset_name(saved.group, saved.topic, queue_id)
        return await change_one(saved.target, "offset", name, read=read, wanted=lambda _: wanted, send=send, plan=plan)

    fan = await admin.fan_out(sorted(saved.offsets), one)
    if fan.errors:
        raise next(iter(fan.errors.values()))
    return list(fan.answers.values()), sorted(notes)


async def _end(admin: MQAdmin, address: str, topic: str, queue_id: int) -> int:
    """Where a queue ends; 0 while its topic is not there yet."""
    try:
        return max(0, await admin.offsets.max_offset(address, topic, queue_id))
    except RocketMQError:
        return 0
