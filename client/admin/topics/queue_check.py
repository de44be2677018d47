"""What a change of a topic's numbers of queues would lose: queues that are written and not read, messages not read yet.

Apache's tool changes the numbers without looking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings, applied, fields_of
from rocketmq_ops.client.errors import BrokerError, UnsafeChangeError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


async def require_readable(
    admin: MQAdmin, topic: str, settings: TopicSettings, brokers: Sequence[BrokerAddress]
) -> None:
    """Raise UnsafeChangeError when settings would leave messages on one of these brokers that nobody reads.

    It names the queues, and how many messages each group has not read of them. Raises BrokerError when a broker refuses
    to tell; one that does not answer is passed over: what is sent to it fails too.
    """
    if settings.read_queue_nums is None and settings.write_queue_nums is None:
        return
    fan = await admin.fan_out(brokers, lambda broker: _problems(admin, broker.address, topic, settings))
    for error in fan.errors.values():
        if isinstance(error, BrokerError):
            raise error
    problems = [f"{broker.address}: {problem}" for broker, found in fan.answers.items() for problem in found]
    if problems:
        raise UnsafeChangeError(
            f"topic '{topic}' would have messages that nobody reads: {'; '.join(problems)}",
            "give as many read as write queues; to have fewer, take write queues away first and let the groups read on",
        )


async def _problems(admin: MQAdmin, address: str, topic: str, settings: TopicSettings) -> list[str]:
    current = await admin.topics.config_at(address, topic)
    after = applied(fields_of(current) if current is not None else None, settings)
    read, write = int(after["readQueueNums"] or 0), int(after["writeQueueNums"] or 0)
    problems = []
    if write > read:
        problems.append(f"{_queues(read, write)} would be written and not read ({write} write, {read} read queues)")
    if current is not None and read < current.read_queue_nums:
        problems += await _unread(admin, address, topic, range(read, current.read_queue_nums))
    return problems


def _queues(begin: int, end: int) -> str:
    return f"queue {begin}" if end - begin == 1 else f"queues {begin} to {end - 1}"


async def _unread(admin: MQAdmin, address: str, topic: str, queues: range) -> list[str]:
    """What each group has not read yet of these queues; all of it where no group is known."""
    offsets = {
        group: by_queue for (name, group), by_queue in (await admin.offsets.all_at(address)).items() if name == topic
    }
    groups = sorted({*offsets, *await admin.topics.groups_at(address, topic)})
    problems = []
    for queue in queues:
        end = await admin.offsets.max_offset(address, topic, queue)
        begin = await admin.offsets.min_offset(address, topic, queue)
        counts = {group: end - max(begin, offsets.get(group, {}).get(queue, begin)) for group in groups}
        told = [f"{count} unread by group {group}" for group, count in counts.items() if count > 0]
        if not groups and end > begin:
            told = [f"{end - begin} that no group has read"]
        if told:
            problems.append(f"queue {queue} has messages: {', '.join(told)}")
    return problems
