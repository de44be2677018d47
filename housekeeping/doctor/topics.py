"""Rules about topics and their queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.common.delay_levels import parse_delay_levels
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import (
    AUTO_CREATE_TOPIC,
    SCHEDULE_TOPIC,
    TRANS_HALF_TOPIC,
    is_dlq_topic,
    is_retry_topic,
    is_system_topic,
    split_topic_group,
)
from rocketmq_ops.housekeeping.doctor.facts import Ends, Facts, Part, Topic, label, whole
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.lag import waits
from rocketmq_ops.housekeeping.rules import Hit

_NEEDS: Final = (Part.NAME_SERVERS, Part.TOPICS)
_WRITE, _READ = 2, 4
#: Topics that 5.4 and later make of themselves, beside those of every version.
_BROKERS_OWN: Final = "RMQ_SYS_"
#: A topic is skewed when a queue has so many times the mean of its queues, and at least so many messages.
_SKEW_TIMES, _SKEW_MESSAGES = 4, 10_000


def _is_users(name: str) -> bool:
    own = is_system_topic(name) or name.startswith(_BROKERS_OWN)
    return not (own or is_retry_topic(name) or is_dlq_topic(name))


def _users(facts: Facts) -> Iterator[tuple[BrokerAddress, str, Topic]]:
    """Every topic of users on every master, without those that a broker has of itself: its name's and its cluster's."""
    for broker in facts.masters():
        for name, topic in facts.topics.get(broker.address, {}).items():
            if _is_users(name) and name not in (broker.broker_name, broker.cluster):
                yield broker, name, topic


def _holders(facts: Facts, cluster: list[BrokerAddress]) -> dict[str, list[BrokerAddress]]:
    """Topic of users -> the masters of the cluster that hold it."""
    addresses = {broker.address for broker in cluster}
    found: dict[str, list[BrokerAddress]] = {}
    for broker, name, _ in _users(facts):
        if broker.address in addresses:
            found.setdefault(name, []).append(broker)
    return found


def _whole_clusters(facts: Facts) -> Iterator[tuple[str, list[BrokerAddress]]]:
    """The clusters with several masters, all of which have answered."""
    for cluster, masters in facts.clusters().items():
        if len(masters) > 1 and all(master.address in facts.topics for master in masters):
            yield cluster, masters


def _messages(ends: dict[int, Ends] | None, queues: range) -> str:
    if ends is None or not all(queue in ends for queue in queues):
        return "how many messages lie there is not known"
    count = sum(ends[queue].max_offset - ends[queue].min_offset for queue in queues)
    return f"{plural(count, 'message lies', 'messages lie')} there"


@rule(
    "topics.write-more-than-read",
    Severity.CRITICAL,
    "A topic has more write than read queues: messages go into queues that nobody reads.",
    needs=(*_NEEDS, Part.ENDS),
    remedy="`mqadmin updateTopic -b ADDR -t TOPIC -r READ` with as many read as write queues",
    false_alarms="A topic is being widened, write queues first: do it the other way round.",
)
def write_more_than_read(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        for name, topic in facts.topics.get(broker.address, {}).items():
            if topic.write_queues > topic.read_queues and not is_system_topic(name) and topic.perm & _READ:
                queues = range(topic.read_queues, topic.write_queues)
                lie = _messages(facts.ends.get(broker.address, {}).get(name), queues)
                yield Hit(
                    name,
                    f"{label(broker)}: {topic.write_queues} write and {topic.read_queues} read queues; queues "
                    f"{queues[0]} to {queues[-1]} are not read, {lie}",
                    f"`mqadmin updateTopic -b {broker.address} -t {name} -r {topic.write_queues}`",
                )


@rule(
    "topics.read-more-than-write",
    Severity.INFO,
    "A topic has more read than write queues: consumers poll queues into which nothing comes any more.",
    needs=(*_NEEDS, Part.ENDS),
    remedy="once they are read to their end, lower the read queues: `mqadmin updateTopic -b ADDR -t TOPIC -r N`",
    false_alarms="A topic is being narrowed, and its last messages are not read yet.",
)
def read_more_than_write(facts: Facts) -> Iterator[Hit]:
    for broker, name, topic in _users(facts):
        if topic.read_queues > topic.write_queues:
            yield Hit(name, f"{label(broker)}: {topic.read_queues} read and {topic.write_queues} write queues")


@rule(
    "topics.missing-on-broker",
    Severity.WARNING,
    "Several brokers of a cluster hold a topic and others do not: load and failover are not what they seem.",
    needs=_NEEDS,
    remedy="`mqadmin updateTopic -c CLUSTER -t TOPIC` makes it on all masters",
    false_alarms="The topic belongs on some of the brokers only.",
)
def missing_on_broker(facts: Facts) -> Iterator[Hit]:
    for cluster, masters in _whole_clusters(facts):
        for name, holders in _holders(facts, masters).items():
            without = [label(master) for master in masters if master not in holders]
            if len(holders) > 1 and without:
                remedy = f"`mqadmin updateTopic -c {cluster} -t {name}`"
                yield Hit(name, f"{len(holders)} masters of {cluster} have it, not {', '.join(without)}", remedy)


@rule(
    "topics.on-one-broker",
    Severity.WARNING,
    "One broker of several holds a topic alone, as happens when it is made by its first message: no failover.",
    needs=_NEEDS,
    remedy="`mqadmin updateTopic -c CLUSTER -t TOPIC`; make topics before they are used",
    false_alarms="The topic needs one order over all its messages, or belongs on one broker.",
)
def on_one_broker(facts: Facts) -> Iterator[Hit]:
    for cluster, masters in _whole_clusters(facts):
        for name, holders in _holders(facts, masters).items():
            if len(holders) == 1:
                remedy = f"`mqadmin updateTopic -c {cluster} -t {name}`"
                yield Hit(name, f"only {label(holders[0])} of {len(masters)} masters of {cluster} has it", remedy)


@rule(
    "topics.settings-differ",
    Severity.WARNING,
    "A topic has other numbers of queues, another permission or order on some brokers of a cluster.",
    needs=_NEEDS,
    remedy="`mqadmin updateTopic -c CLUSTER -t TOPIC` with the settings that are wanted",
    false_alarms="Brokers of different size have different numbers of queues on purpose.",
)
def settings_differ(facts: Facts) -> Iterator[Hit]:
    for cluster, masters in facts.clusters().items():
        for name, holders in _holders(facts, masters).items():
            by_setting: dict[Topic, list[str]] = {}
            for broker in holders:
                by_setting.setdefault(facts.topics[broker.address][name], []).append(broker.broker_name or "")
            if len(by_setting) > 1:
                shown = "; ".join(
                    f"{', '.join(names)}: {t.write_queues} write, {t.read_queues} read queues, perm {t.perm}"
                    + (", ordered" if t.order else "")
                    for t, names in by_setting.items()
                )
                yield Hit(name, f"{shown} (cluster {cluster})")


@rule(
    "topics.order-conf",
    Severity.WARNING,
    "The order configuration of a topic does not name the brokers and queues that the topic has.",
    needs=(*_NEEDS, Part.ORDER),
    remedy="`mqadmin updateOrderConf -t TOPIC -m put -v BROKER:QUEUES;…`",
    false_alarms="A broker is away on purpose, and its queues wait for it.",
)
def order_conf(facts: Facts) -> Iterator[Hit]:
    for name, conf in facts.order.items():
        told = {part.partition(":")[0]: part.partition(":")[2] for part in conf.split(";") if part}
        held = {
            broker.broker_name or "": str(facts.topics[broker.address][name].write_queues)
            for broker in facts.masters()
            if name in facts.topics.get(broker.address, {})
        }
        wrong = [
            f"{broker} has another number of queues than configured: {held.get(broker, 0)} instead of {count}"
            for broker, count in told.items()
            if held.get(broker) != count
        ]
        wrong += [f"{broker} is not in it" for broker in held if broker not in told]
        if wrong:
            right = ";".join(f"{broker}:{count}" for broker, count in held.items())
            yield Hit(name, "; ".join(wrong), f"`mqadmin updateOrderConf -t {name} -m put -v '{right}'`")


@rule(
    "topics.queue-skew",
    Severity.WARNING,
    "One queue of a topic has several times the messages of the others: its consumer is the limit of the group.",
    needs=(*_NEEDS, Part.ENDS),
    remedy="look at how producers choose queues: hash keys with more values, or let the client choose",
    false_alarms="Queues that were added later have fewer messages; ordered topics with few keys.",
)
def queue_skew(facts: Facts) -> Iterator[Hit]:
    for broker, name, _ in _users(facts):
        ends = facts.ends.get(broker.address, {}).get(name, {})
        counts = {queue: each.max_offset - each.min_offset for queue, each in ends.items()}
        if len(counts) < 2:
            continue
        most = max(counts, key=counts.__getitem__)
        others = (sum(counts.values()) - counts[most]) / (len(counts) - 1)
        if counts[most] >= _SKEW_MESSAGES and counts[most] > _SKEW_TIMES * others:
            yield Hit(
                name, f"{label(broker)}: queue {most} has {counts[most]} messages, the others {others:.0f} on average"
            )


@rule(
    "topics.stranded-retries",
    Severity.CRITICAL,
    "A retry topic has fewer queues than before: what waits in the queues beyond is never tried again.",
    needs=(*_NEEDS, Part.OFFSETS),
    remedy="`mqadmin updateTopic -b ADDR -t TOPIC -r N -w N` with the old number, until these queues are read",
    false_alarms="The queues beyond were read to their end before.",
)
def stranded_retries(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        topics = facts.topics.get(broker.address, {})
        for key, offsets in facts.offsets.get(broker.address, {}).items():
            name = split_topic_group(key)[0]
            topic = topics.get(name)
            beyond = [queue for queue in offsets if topic is not None and queue >= topic.read_queues]
            if topic is not None and is_retry_topic(name) and beyond:
                count = max(beyond) + 1
                yield Hit(
                    name,
                    f"{label(broker)}: {topic.read_queues} read queues, and the group has offsets in queue "
                    f"{', '.join(map(str, sorted(beyond)))}",
                    f"`mqadmin updateTopic -b {broker.address} -t {name} -r {count} -w {count}`",
                )


@rule(
    "topics.auto-create-open",
    Severity.INFO,
    "A broker makes topics by their first message (TBW102): mistyped names become topics, each on one broker.",
    needs=(Part.CONFIG,),
    remedy="in production autoCreateTopicEnable=false in every broker's file, and `mqadmin updateTopic` before use",
    false_alarms="Development and tests.",
)
def auto_create_open(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        if facts.setting(broker.address, "autoCreateTopicEnable") == "true":
            queues = facts.setting(broker.address, "defaultTopicQueueNums")
            yield Hit(label(broker), f"autoCreateTopicEnable is true: {AUTO_CREATE_TOPIC} with {queues} queues")


@rule(
    "topics.no-permission",
    Severity.WARNING,
    "A topic cannot be written or read on a broker: code 16 to its clients.",
    needs=_NEEDS,
    remedy="`mqadmin updateTopicPerm -b ADDR -t TOPIC -p 6`",
    false_alarms="The topic is closed, or is being drained, on purpose.",
)
def no_permission(facts: Facts) -> Iterator[Hit]:
    for broker, name, topic in _users(facts):
        if topic.perm & (_READ | _WRITE) != _READ | _WRITE:
            lost = {0: "written or read", _READ: "written", _WRITE: "read"}[topic.perm & (_READ | _WRITE)]
            remedy = f"`mqadmin updateTopicPerm -b {broker.address} -t {name} -p 6`"
            yield Hit(name, f"{label(broker)}: perm is {topic.perm}, it cannot be {lost}", remedy)


@rule(
    "topics.half-messages-waiting",
    Severity.WARNING,
    "Half messages of transactions wait for their producers' decision, and the broker does not get on with them.",
    needs=(*_NEEDS, Part.OFFSETS, Part.ENDS),
    remedy="start the producers of these transactions, which are asked; `mqadmin producer -b ADDR` lists who is online",
    false_alarms="A burst of transactions a moment ago.",
)
def half_messages_waiting(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        ends = facts.ends.get(broker.address, {}).get(TRANS_HALF_TOPIC, {})
        done: dict[int, int] = {}
        for key, offsets in facts.offsets.get(broker.address, {}).items():
            if split_topic_group(key)[0] == TRANS_HALF_TOPIC:
                done = offsets
        waiting = sum(each.max_offset - done.get(queue, each.min_offset) for queue, each in ends.items())
        if waiting >= _WAITING_HALVES and not _settles(facts, broker.address, done):
            yield Hit(label(broker), f"{plural(waiting, 'half message is', 'half messages are')} not settled")


def _settles(facts: Facts, address: str, done: dict[int, int]) -> bool:
    """Whether a second reading shows that the broker gets on with them."""
    for key, offsets in facts.later.offsets.get(address, {}).items() if facts.later is not None else ():
        if split_topic_group(key)[0] == TRANS_HALF_TOPIC:
            return any(offset > done.get(queue, 0) for queue, offset in offsets.items())
    return False


@rule(
    "topics.delayed-stuck",
    Severity.CRITICAL,
    "Delayed messages of a level are due and are not delivered: retries of consumers wait there too.",
    needs=(*_NEEDS, Part.RUNTIME, Part.CONFIG, Part.ENDS),
    remedy="search the broker's log for ScheduleMessageService; a restart of the broker begins the level anew",
    false_alarms="The broker was down and is delivering what came due; then the figures move on the next run.",
)
def delayed_stuck(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        delays = _delays(facts, broker.address)
        queues = facts.ends.get(broker.address, {}).get(SCHEDULE_TOPIC, {})
        now = facts.answered_at.get(broker.address, facts.taken_at)
        for level, delay in enumerate(delays, 1):
            told = facts.runtimes.get(broker.address, {}).get(f"scheduleMessageOffset_{level}", "")
            delivered, _, stored = told.partition(",")
            waiting = (whole(stored) or 0) - (whole(delivered) or 0)
            # All of them are due when the last is, which is also due last.
            last = queues[level - 1].last_ms if level - 1 in queues else 0
            overdue = now - last - delay
            again = facts.later.runtimes.get(broker.address, {}) if facts.later is not None else {}
            moved = again.get(f"scheduleMessageOffset_{level}", told).partition(",")[0] != delivered
            if waiting > 0 and last > 0 and overdue > _OVERDUE_MS and not moved:
                evidence = f"level {level}: {waits(waiting)}, the last one is due since {overdue // 1000} s"
                yield Hit(label(broker), evidence)


def _delays(facts: Facts, address: str) -> list[int]:
    """The delays of a broker's levels in ms; none where they are not known."""
    try:
        return parse_delay_levels(facts.setting(address, "messageDelayLevel") or "")
    except RocketMQError:
        return []


#: By how much a delayed message may be late: a broker looks at a level every 100 ms, and delivers in the order stored.
_OVERDUE_MS: Final = 60_000
#: Half messages that a busy broker has in flight without a fault.
_WAITING_HALVES: Final = 10_000
