"""What groups with clients have committed no offset of: brokers leave it out of what they tell of a group.

A group that hangs at its first message would seem to have nothing left to consume. Where its queues end is asked for
instead: by the prober at each run, by the dashboard one topic at a time, in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.common.topics import is_retry_topic
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CONSUME_ACTIVELY

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import ConsumerConnection


class Unsaved(StrEnum):
    """Why it is not known how far behind a group is; in this order in recordings, from 1 on."""

    NOT_ASKED = "it is not known yet who is connected"
    NO_OFFSET = "it has committed no offset of what its clients consume"
    OWN = "its clients keep their offsets themselves, in broadcasting mode"


class Subscribed(msgspec.Struct, frozen=True, gc=False):
    """What the clients of a group subscribe to, without its retries."""

    topics: tuple[str, ...] = ()
    broadcasting: bool = False
    #: They pull by themselves, and may keep their offsets elsewhere (DefaultMQPullConsumer).
    pulling: bool = False

    @staticmethod
    def of(*told: ConsumerConnection | None) -> Subscribed:
        """What brokers told; None: of nobody."""
        known = [each for each in told if each is not None]
        topics = {topic for each in known for topic in each.subscription_table if not is_retry_topic(topic)}
        broadcasting = any(each.message_model == BROADCASTING for each in known)
        pulling = any(each.consume_type == CONSUME_ACTIVELY for each in known)
        return Subscribed(tuple(sorted(topics)), broadcasting, pulling)


def add_unsaved(
    groups: Mapping[str, GroupOffsets],
    subscribed: Callable[[str], Subscribed],
    there: Mapping[str, tuple[str, Collection[str]]],
    ends: Callable[[str, str], Mapping[int, int] | None],
    pause: Pause = at_once,
) -> tuple[dict[str, set[str]], dict[str, Unsaved]]:
    """Give each group with clients the queues of which it has committed no offset; by address the topics whose ends are
    to be asked for there, and of which groups it is not known how far they are behind. `there`: by address the name of
    a broker that answers, and the topics that it has; `ends`: where the queues end of a topic at an address, if that is
    known. Where brokers tell of a topic in what they tell of another group,
    its ends are of this look; what is asked for has its turn, and is older.

    Those that pull by themselves get queues that never had a message alone: in these nothing waits, wherever they keep
    their offsets (5.3.3 `DefaultLitePullConsumerImpl` commits nothing for them).
    """
    lacking: dict[str, list[tuple[str, str, str]]] = {}
    places: set[tuple[str, str]] = set()
    without: dict[str, Unsaved] = {}
    for number, (name, group) in enumerate(groups.items()):
        if number % AT_A_TIME == 0:
            pause()
        if not group.members:
            if group.members is None and _bare(group):
                without[name] = Unsaved.NOT_ASKED
            continue
        clients = subscribed(name)
        if clients.broadcasting:
            without[name] = Unsaved.OWN
            continue
        if clients.pulling and not clients.topics and _bare(group):  # queues that were assigned to it, or chosen
            without[name] = Unsaved.NO_OFFSET
            continue
        saved = {(queue.queue.topic, queue.queue.broker) for queue in group.queues}
        lacks = [
            (address, broker, topic)
            for topic in clients.topics
            for address, (broker, topics) in there.items()
            if (topic, broker) not in saved and topic in topics
        ]
        if lacks:
            lacking[name] = lacks
            places.update((topic, broker) for _, broker, topic in lacks)
    told = _told(groups, places, pause)
    wanted: dict[str, set[str]] = {}
    for number, (name, lacks) in enumerate(lacking.items()):
        if number % AT_A_TIME == 0:
            pause()
        pulling = subscribed(name).pulling
        for address, broker, topic in lacks:
            known: Mapping[int, int] | None = told.get((topic, broker))
            if known is None:
                wanted.setdefault(address, set()).add(topic)
                known = ends(address, topic)
            if known is None or (pulling and any(known.values())):
                without[name] = Unsaved.NO_OFFSET
                continue
            groups[name].queues += [QueueOffsets(QueueKey(topic, broker, at), end, None) for at, end in known.items()]
    return wanted, without


def _bare(group: GroupOffsets) -> bool:
    """Whether it has no offset but of its retries, which Java's consumers have as soon as they are there."""
    return all(is_retry_topic(queue.queue.topic) for queue in group.queues)


def _told(
    groups: Mapping[str, GroupOffsets], wanted: Collection[tuple[str, str]], pause: Pause
) -> dict[tuple[str, str], dict[int, int]]:
    """Of topics on brokers, by names, where their queues end by what was told of groups: brokers tell of all queues of
    a topic of which a group has an offset."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for number, group in enumerate(groups.values() if wanted else ()):
        if number % AT_A_TIME == 0:
            pause()
        for queue in group.queues:
            place = queue.queue.topic, queue.queue.broker
            if place in wanted and queue.end is not None:
                found.setdefault(place, {})[queue.queue.queue_id] = queue.end
    return found
