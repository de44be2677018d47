"""Rules about consumer groups: their settings and offsets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import (
    RETRY_GROUP_TOPIC_PREFIX,
    is_dlq_topic,
    is_retry_topic,
    split_topic_group,
    topic_at_group,
)
from rocketmq_ops.housekeeping.doctor.facts import Ends, Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.lag import waits
from rocketmq_ops.housekeeping.rules import Hit
from rocketmq_ops.remoting.bodies.enums import BROADCASTING

_NEEDS: Final = (Part.NAME_SERVERS, Part.OFFSETS, Part.ENDS)


class _Place(NamedTuple):
    """A group's offset in one queue, and where the queue begins and ends."""

    group: str
    topic: str
    where: str
    queue: int
    offset: int
    ends: Ends


def _places(facts: Facts) -> Iterator[_Place]:
    groups = set(facts.user_groups())
    for broker in facts.masters():
        ends = facts.ends.get(broker.address, {})
        for key, offsets in facts.offsets.get(broker.address, {}).items():
            topic, group = split_topic_group(key)
            for queue, offset in offsets.items():
                if group in groups and queue in ends.get(topic, {}):
                    yield _Place(group, topic, label(broker), queue, offset, ends[topic][queue])


@rule(
    "groups.offset-beyond-end",
    Severity.CRITICAL,
    "A group's offset is beyond the end of a queue: it consumes nothing until as many messages have come.",
    needs=_NEEDS,
    remedy="`mqadmin resetOffsetByTime -g GROUP -t TOPIC -s TIME`",
    false_alarms="Messages were consumed between the two requests: then it is by a few, and gone on the next run.",
)
def offset_beyond_end(facts: Facts) -> Iterator[Hit]:
    for p in _places(facts):
        if p.offset > p.ends.max_offset:
            yield Hit(
                p.group,
                f"{p.topic} queue {p.queue} at {p.where}: the offset is {p.offset}, the queue ends at "
                f"{p.ends.max_offset}",
                f"`mqadmin resetOffsetByTime -g {p.group} -t {p.topic} -s now`, or an earlier time",
            )


@rule(
    "groups.offset-before-begin",
    Severity.WARNING,
    "A group's offset is before the first message that is still there: what lay between was deleted unread.",
    needs=_NEEDS,
    remedy="start its consumers, which go on at the first message; keep messages longer (fileReservedTime)",
    false_alarms="The group is no longer used: `mqadmin deleteSubGroup` ends that.",
)
def offset_before_begin(facts: Facts) -> Iterator[Hit]:
    for p in _places(facts):
        if 0 <= p.offset < p.ends.min_offset:
            yield Hit(
                p.group,
                f"{p.topic} queue {p.queue} at {p.where}: the offset is {p.offset}, the queue begins at "
                f"{p.ends.min_offset}: {p.ends.min_offset - p.offset} messages are gone",
            )


@rule(
    "groups.nobody-online",
    Severity.WARNING,
    "A group is behind, and none of its consumers is online.",
    needs=(*_NEEDS, Part.CLIENTS),
    remedy="start its consumers, or delete the group if it is no longer used: `mqadmin deleteSubGroup`",
    false_alarms="The group consumes at certain hours, or only once.",
)
def nobody_online(facts: Facts) -> Iterator[Hit]:
    behind: dict[str, dict[str, int]] = {}
    for p in _places(facts):
        if facts.clients.get(p.group, ...) is None and p.ends.max_offset > p.offset:
            topics = behind.setdefault(p.group, {})
            topics[p.topic] = topics.get(p.topic, 0) + p.ends.max_offset - max(p.offset, p.ends.min_offset)
    for group, topics in behind.items():
        yield Hit(group, ", ".join(f"{topic}: {waits(count)}" for topic, count in topics.items()))


@rule(
    "groups.reads-from-disk",
    Severity.WARNING,
    "A group that consumes is so far behind that its messages left the page cache: it reads from the master's disk.",
    needs=(*_NEEDS, Part.RUNTIME, Part.CLIENTS),
    remedy="move it off the master's disk: `mqadmin updateBrokerConfig -b ADDR -k slaveReadEnable -v true`, on 5.x "
    "`mqadmin updateColdDataFlowCtrGroupConfig`; or pause it: `mqadmin updateSubGroup -g GROUP -s false`",
    false_alarms="The distance is an estimate; hosts with more than 20 GiB of memory cache more than is assumed.",
)
def reads_from_disk(facts: Facts) -> Iterator[Hit]:
    logs = {label(broker): _log_bytes(facts, broker.address) for broker in facts.masters()}
    furthest: dict[str, tuple[float, _Place]] = {}
    for p in _places(facts):
        unread, kept = p.ends.max_offset - max(p.offset, p.ends.min_offset), p.ends.max_offset - p.ends.min_offset
        if facts.clients.get(p.group) is None or unread <= 0:
            continue
        # A queue's messages are spread over the log: what is unread of it is as large a part of the log.
        distance = unread / kept * logs[p.where]
        if distance >= _CACHED and distance > furthest.get(p.group, (0.0, p))[0]:
            furthest[p.group] = (distance, p)
    for group, (distance, p) in furthest.items():
        yield Hit(
            group,
            f"{p.topic} queue {p.queue} at {p.where}: about {distance / (1 << 30):.1f} GiB of the log behind its end, "
            f"{p.ends.max_offset - p.offset} messages",
        )


def _log_bytes(facts: Facts, address: str) -> int:
    begin, end = (facts.figure(address, f"commitLog{which}Offset") for which in ("Min", "Max"))
    return 0 if begin is None or end is None else end - begin


@rule(
    "groups.consuming-off",
    Severity.WARNING,
    "A group may not consume on a broker: consumeEnable is false, code 16 to its pulls.",
    needs=(Part.NAME_SERVERS, Part.GROUPS),
    remedy="`mqadmin updateSubGroup -b ADDR -g GROUP -s true`",
    false_alarms="It was switched off on purpose, to stop a flood.",
)
def consuming_off(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        for group, config in facts.groups.get(broker.address, {}).items():
            if config.get("consumeEnable") is False:
                remedy = f"`mqadmin updateSubGroup -b {broker.address} -g {group} -s true`"
                yield Hit(group, f"consumeEnable is false on {label(broker)}", remedy)


@rule(
    "groups.settings-differ",
    Severity.WARNING,
    "A group has different settings on the brokers of a cluster: retries and order depend on the broker.",
    needs=(Part.NAME_SERVERS, Part.GROUPS),
    remedy="`mqadmin updateSubGroup -c CLUSTER -g GROUP` with the settings that are wanted",
)
def settings_differ(facts: Facts) -> Iterator[Hit]:
    users = set(facts.user_groups())
    for cluster, masters in facts.clusters().items():
        tables = {m.broker_name or "": facts.groups[m.address] for m in masters if m.address in facts.groups}
        for group in sorted(users.intersection(*[set(), *tables.values()] if not tables else tables.values())):
            configs = {name: table[group] for name, table in tables.items()}
            keys = sorted(set.intersection(*(set(config) for config in configs.values())))
            for key in keys:
                values = {name: config[key] for name, config in configs.items()}
                if any(value != next(iter(values.values())) for value in values.values()):
                    shown = ", ".join(f"{name}: {value}" for name, value in values.items())
                    yield Hit(group, f"{key} is not the same in {cluster}: {shown}")


@rule(
    "groups.missing-on-broker",
    Severity.WARNING,
    "A group is not known to every broker of a cluster, and autoCreateSubscriptionGroup is off there: pulls fail.",
    needs=(Part.NAME_SERVERS, Part.GROUPS, Part.CONFIG),
    remedy="`mqadmin updateSubGroup -c CLUSTER -g GROUP`",
    false_alarms="The group's topics are on the other brokers only.",
)
def missing_on_broker(facts: Facts) -> Iterator[Hit]:
    users = set(facts.user_groups())
    for cluster, masters in facts.clusters().items():
        known = users & {name for m in masters for name in facts.groups.get(m.address, {})}
        for master in masters:
            off = facts.setting(master.address, "autoCreateSubscriptionGroup") == "false"
            if off and master.address in facts.groups:
                for group in sorted(known - facts.groups[master.address].keys()):
                    yield Hit(group, f"{label(master)} of {cluster} does not know it, and makes no groups by itself")


@rule(
    "groups.no-retries",
    Severity.INFO,
    "A group has retries switched off: a message that fails goes to the dead letters at once, or is dropped.",
    needs=(Part.NAME_SERVERS, Part.GROUPS),
    remedy="`mqadmin updateSubGroup -c CLUSTER -g GROUP -q 1 -r 16`, if failed messages should be tried again",
    false_alarms="Groups that only ever look at the newest message.",
)
def no_retries(facts: Facts) -> Iterator[Hit]:
    users = set(facts.user_groups())
    for broker in facts.masters():
        for group, config in facts.groups.get(broker.address, {}).items():
            off = [key for key in ("retryQueueNums", "retryMaxTimes") if config.get(key) == 0]
            if group in users and off:
                yield Hit(group, f"{', '.join(off)} set to 0 on {label(broker)}")


@rule(
    "groups.dead-letters",
    Severity.INFO,
    "Messages lie in a group's dead-letter topic; they are deleted with the commitlog files that hold them.",
    needs=(Part.NAME_SERVERS, Part.TOPICS, Part.ENDS),
    remedy="`mqadmin consumeMessage -t %DLQ%GROUP` shows them; send them again once the cause is mended",
    false_alarms="They were looked at, and are left to expire.",
)
def dead_letters(facts: Facts) -> Iterator[Hit]:
    counts: dict[str, int] = {}
    for table in facts.ends.values():
        for topic, ends in table.items():
            if is_dlq_topic(topic):
                counts[topic] = counts.get(topic, 0) + sum(each.max_offset - each.min_offset for each in ends.values())
    for topic, count in counts.items():
        if count:
            yield Hit(
                topic, plural(count, "dead letter", "dead letters"), f"`mqadmin consumeMessage -t {topic}` shows them"
            )


@rule(
    "groups.retries-waiting",
    Severity.WARNING,
    "Many messages wait in a group's retry topic: most of what it consumes fails.",
    needs=_NEEDS,
    remedy="look at the consumers' logs; `mqadmin consumeMessage -t %RETRY%GROUP` shows the messages",
    false_alarms="An outage that is over; they are worked off.",
)
def retries_waiting(facts: Facts) -> Iterator[Hit]:
    waiting: dict[str, int] = {}
    for p in _places(facts):
        if is_retry_topic(p.topic):
            waiting[p.group] = waiting.get(p.group, 0) + max(p.ends.max_offset - max(p.offset, p.ends.min_offset), 0)
    for group, count in waiting.items():
        if count >= _WAITING_RETRIES:
            yield Hit(group, f"{count:,} messages wait to be tried again")


@rule(
    "groups.broadcasting",
    Severity.INFO,
    "A group is broadcasting: each client gets every message and keeps its own offsets, so the broker shows no lag.",
    needs=(Part.CLIENTS,),
    remedy="`mqadmin consumerProgress -g GROUP` asks the clients; check that broadcasting is what is wanted",
)
def broadcasting(facts: Facts) -> Iterator[Hit]:
    for group, report in facts.clients.items():
        if report is not None and report.message_model == BROADCASTING:
            yield Hit(
                group, f"{plural(len(report.clients), 'client is', 'clients are')} online, each with offsets of its own"
            )


@rule(
    "groups.without-offset",
    Severity.INFO,
    "Consumers of a group are online, and it has no offset in a topic that has messages: its lag is unknown.",
    needs=(*_NEEDS, Part.CLIENTS),
    remedy="look whether it consumes: `mqadmin consumerStatus -g GROUP -s`",
    false_alarms="It has started just now, or keeps its offsets elsewhere, as pulling clients may.",
)
def without_offset(facts: Facts) -> Iterator[Hit]:
    stored = {key for table in facts.offsets.values() for key in table}
    for group, report in facts.clients.items():
        if report is None or report.message_model == BROADCASTING:
            continue
        infos = [client.info for client in report.clients if client.info is not None]
        topics = {each.topic for info in infos for each in info.subscriptions if not is_retry_topic(each.topic)}
        for topic in sorted(topics):
            waiting = sum(
                ends.max_offset - ends.min_offset
                for table in facts.ends.values()
                for ends in table.get(topic, {}).values()
            )
            if waiting and topic_at_group(topic, group) not in stored:
                yield Hit(group, f"{topic} has {plural(waiting, 'message', 'messages')} and no offset of the group")


@rule(
    "groups.backlog-stands",
    Severity.CRITICAL,
    "Messages wait for a group whose consumers are online, and its offset did not move between two readings.",
    needs=(*_NEEDS, Part.CLIENTS, Part.LATER),
    remedy="`mqadmin consumerStatus -g GROUP -s` shows what its consumers are doing",
    false_alarms="Listeners that work on a message for longer than lay between the readings.",
)
def backlog_stands(facts: Facts) -> Iterator[Hit]:
    later = facts.later
    if later is None or later.seconds < _LEAST_APART_S:
        return
    addresses = {label(broker): broker.address for broker in facts.masters()}
    standing: dict[str, list[_Place]] = {}
    for p in _places(facts):
        online = facts.clients.get(p.group)
        if online is None or online.message_model == BROADCASTING or later.clients.get(p.group) is None:
            continue
        now = later.offsets.get(addresses[p.where], {}).get(f"{p.topic}@{p.group}", {}).get(p.queue)
        if p.ends.max_offset > p.offset == now:
            standing.setdefault(p.group, []).append(p)
    for group, places in standing.items():
        worst = max(places, key=lambda p: p.ends.max_offset - p.offset)
        where = worst.where
        if len(places) > 1:
            where = f"{where} (and {plural(len(places) - 1, 'more queue', 'more queues')})"
        who = _holder(later.clients[group], worst)
        yield Hit(
            group,
            f"{worst.topic} queue {worst.queue} at {where}: the offset {worst.offset} did not move in "
            f"{later.seconds} s, {waits(worst.ends.max_offset - worst.offset)}; "
            + (f"the client {who} holds it" if who else "no client that answered holds it"),
            f"`mqadmin consumerStatus -g {group} -s`",
        )


def _holder(report: ConsumerStatusReport | None, place: _Place) -> str | None:
    for client in report.clients if report is not None else ():
        for queue in client.info.queues if client.info is not None else ():
            named = place.where.partition(" (")[0]
            if (queue.topic, queue.broker_name, queue.queue_id) == (place.topic, named, place.queue):
                return client.client_id
    return None


@rule(
    "groups.retry-storm",
    Severity.CRITICAL,
    "A group sends back messages faster than 600 a minute: most of what it consumes fails, and comes again.",
    needs=(Part.NAME_SERVERS, Part.ENDS, Part.LATER),
    remedy="look at the log of its consumers; pause it meanwhile: `mqadmin updateSubGroup -g GROUP -s false`",
    false_alarms="A service that its consumers need was away for a moment.",
)
def retry_storm(facts: Facts) -> Iterator[Hit]:
    later = facts.later
    if later is None or later.seconds < 1:
        return
    counts: dict[str, int] = {}
    for broker in facts.masters():
        for topic, queues in later.ends.get(broker.address, {}).items():
            before = facts.ends.get(broker.address, {}).get(topic, {})
            if is_retry_topic(topic):
                came = sum(max(e.max_offset - before[q].max_offset, 0) for q, e in queues.items() if q in before)
                counts[topic] = counts.get(topic, 0) + came
    for topic, count in counts.items():
        rate = count * 60 / later.seconds
        if count >= _STORM_LEAST and rate >= _STORM_A_MINUTE:
            group = topic.removeprefix(RETRY_GROUP_TOPIC_PREFIX)
            yield Hit(group, f"{count} messages were sent back in {later.seconds} s, {rate:.0f} a minute")


#: Readings that are nearer to each other do not show that an offset stands: clients commit every 5 s.
_LEAST_APART_S: Final = 15
#: From so many messages a minute on it is a storm, of so many messages at least; the prober's limits.
_STORM_A_MINUTE: Final = 600
_STORM_LEAST: Final = 20
#: Bytes of the log that are taken to be in memory: accessMessageInMemoryMaxRatio (40 %) of 20 GiB.
_CACHED: Final = 8 << 30
#: Messages in a retry topic that a working group may have for a moment.
_WAITING_RETRIES: Final = 1000
