"""What a change of topics' numbers of queues would lose: queues that are written and not read, messages not read yet.

Apache's tool changes the numbers without looking. All topics of a change are looked at in one pass: a broker is asked
once for its topics and once for the offsets of its groups, and the queues that go are asked for side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.topics.topic_change import DEFAULT_QUEUES, TopicSettings, applied, fields_of
from rocketmq_ops.client.errors import BrokerError, UnsafeChangeError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import TopicConfig


class _Queue(NamedTuple):
    """A queue that would not be read any more."""

    address: str
    topic: str
    queue_id: int


async def require_readable(
    admin: MQAdmin,
    wanted: Mapping[str, TopicSettings],
    brokers: Sequence[BrokerAddress],
    *,
    new_queues: int = DEFAULT_QUEUES,
) -> None:
    """Raise UnsafeChangeError when these settings by topic would leave messages on a broker that nobody reads.

    It names the queues, and how many messages each group has not read of them. `new_queues` is what a new topic has.
    Raises BrokerError when a broker refuses to tell. One that does not answer at all is passed over: what is sent to it
    fails too.
    """
    topics = {
        topic: settings
        for topic, settings in wanted.items()
        if settings.read_queue_nums is not None or settings.write_queue_nums is not None
    }
    if not topics:
        return
    problems: dict[tuple[str, str], list[str]] = {}
    going: list[_Queue] = []
    held = await admin.fan_out([broker.address for broker in brokers], lambda at: _held(admin, at, topics))
    for error in held.errors.values():
        if isinstance(error, BrokerError):
            raise error
    for address, configs in held.answers.items():
        for topic, settings in topics.items():
            current = configs.get(topic)
            after = applied(fields_of(current) if current is not None else None, settings, new_queues=new_queues)
            read, write = int(after["readQueueNums"] or 0), int(after["writeQueueNums"] or 0)
            if current is not None and (read, write) == (current.read_queue_nums, current.write_queue_nums):
                continue
            if write > read:
                problems.setdefault((address, topic), []).append(
                    f"{_queues(read, write)} would be written and not read ({write} write, {read} read queues)"
                )
            if current is not None:
                going += [_Queue(address, topic, queue) for queue in range(read, current.read_queue_nums)]
    for queue, problem in (await _unread(admin, going)).items():
        problems.setdefault((queue.address, queue.topic), []).append(problem)
    if problems:
        raise UnsafeChangeError(
            "; ".join(_sentence(topic, problems) for topic in topics if any(topic == name for _, name in problems)),
            "give as many read as write queues; to have fewer, take write queues away first and let the groups read on",
        )


def _sentence(topic: str, problems: dict[tuple[str, str], list[str]]) -> str:
    told = [
        f"{address}: {problem}" for (address, name), found in problems.items() if name == topic for problem in found
    ]
    return f"topic '{topic}' would have messages that nobody reads: {'; '.join(told)}"


async def _held(admin: MQAdmin, address: str, topics: Mapping[str, TopicSettings]) -> dict[str, TopicConfig]:
    """Those of the topics that a broker holds."""
    if len(topics) > 1:
        return await admin.topics.configs_at(address)
    (topic,) = topics
    found = await admin.topics.config_at(address, topic)
    return {} if found is None else {topic: found}


def _queues(begin: int, end: int) -> str:
    return f"queue {begin}" if end - begin == 1 else f"queues {begin} to {end - 1}"


async def _unread(admin: MQAdmin, going: Sequence[_Queue]) -> dict[_Queue, str]:
    """What each group has not read yet of these queues; all of it where no group is known."""
    places = dict.fromkeys((queue.address, queue.topic) for queue in going)
    offsets = await admin.fan_out(dict.fromkeys(queue.address for queue in going), admin.offsets.all_at)
    readers = await admin.fan_out(places, lambda place: admin.topics.readers_at(*place))
    ends = await admin.fan_out(going, lambda queue: _bounds(admin, queue))
    for error in (*offsets.errors.values(), *readers.errors.values(), *ends.errors.values()):
        raise error  # it answered before: a change may reach it, and what that loses is not known
    problems = {}
    for queue, (begin, end) in ends.answers.items():
        committed = {
            group: by_queue
            for (topic, group), by_queue in offsets.answers[queue.address].items()
            if topic == queue.topic
        }
        groups = sorted({*committed, *readers.answers[queue.address, queue.topic]})
        counts = {group: end - max(begin, committed.get(group, {}).get(queue.queue_id, begin)) for group in groups}
        told = [f"{count} unread by group {group}" for group, count in counts.items() if count > 0]
        if not groups and end > begin:
            told = [f"{end - begin} that no group has read"]
        if told:
            problems[queue] = f"queue {queue.queue_id} has messages: {', '.join(told)}"
    return problems


async def _bounds(admin: MQAdmin, queue: _Queue) -> tuple[int, int]:
    """The offsets at which a queue begins and ends."""
    begin = await admin.offsets.min_offset(*queue)
    return begin, await admin.offsets.max_offset(*queue)
